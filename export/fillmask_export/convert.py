"""PyTorch to a plain ONNX graph, by optimum: ``input_ids, attention_mask, … → logits[b, s, V]``."""

from __future__ import annotations

import logging
import warnings
from inspect import signature
from pathlib import Path

import onnx_ir as ir
from optimum.exporters.onnx import OnnxConfig
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.config import TextEncoderOnnxConfig
from optimum.exporters.tasks import TasksManager
from optimum.utils import NormalizedTextConfig
from transformers import PreTrainedModel

from fillmask.errors import first_line
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import CheckpointError

# LayerNormalization is one operator since 17; reductions take axes as an input since 18. The passes expect 18.
OPSET = 18
# The inputs of fill-mask. optimum traces some models with more, such as the bounding boxes of words on a page.
_FILL_MASK = {"input_ids", "attention_mask", "token_type_ids"}


class _TextConfig(TextEncoderOnnxConfig):  # type: ignore[misc]
    """Traces an architecture that optimum does not list: tokens in, logits out."""

    NORMALIZED_CONFIG_CLASS = NormalizedTextConfig

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        axes = {0: "batch_size", 1: "sequence_length"}
        return {"input_ids": axes, "attention_mask": axes}


def convert(checkpoint: Checkpoint, folder: Path) -> ir.Model:
    """Trace a checkpoint.

    Args:
        checkpoint: The checkpoint.
        folder: Receives optimum's files; the returned model still reads its weights from there.

    Raises:
        CheckpointError: The architecture cannot be traced.
    """
    path = folder / "plain.onnx"
    if "attention_mask" not in signature(checkpoint.model.forward).parameters:
        raise CheckpointError(
            f"{checkpoint.architecture} takes no attention_mask, so that padding would count as text; texts of "
            f"different lengths cannot run together"
        )
    with warnings.catch_warnings():
        # The tracer warns of each Python branch; verification shows whether one mattered.
        warnings.simplefilter("ignore")
        logging.getLogger("optimum").setLevel(logging.ERROR)
        try:
            optimum_export(checkpoint.model, _config_of(checkpoint.model), path, opset=OPSET)
        except OSError:
            raise  # of the disk, not of the model
        except Exception as error:  # the exceptions of a traced model have no common base
            raise CheckpointError(
                f"{checkpoint.architecture} cannot be traced to ONNX: {first_line(error)}; ONNX knows no operator for "
                f"some of what it computes, or it computes differently for each text"
            ) from error
    return ir.load(path)


def _config_of(model: PreTrainedModel) -> OnnxConfig:
    """Optimum's OnnxConfig for the architecture; a generic text config where it has none, or one with more inputs."""
    try:
        constructor = TasksManager.get_exporter_config_constructor(
            "onnx", model=model, task="fill-mask", library_name="transformers"
        )
        config = constructor(model.config, task="fill-mask")
    except (KeyError, ValueError):
        return _TextConfig(model.config, task="fill-mask")
    return config if config.inputs.keys() <= _FILL_MASK else _TextConfig(model.config, task="fill-mask")
