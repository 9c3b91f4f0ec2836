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

# LayerNormalization as one operator came with 17, reductions by input with 18; the passes know what 18 has.
OPSET = 18
# What a fill-mask gives to a model; optimum traces some with more, such as the boxes that words have on a page.
_FILL_MASK = {"input_ids", "attention_mask", "token_type_ids"}


class _TextConfig(TextEncoderOnnxConfig):  # type: ignore[misc]
    """How optimum traces an architecture that it does not list: tokens in, logits out."""

    NORMALIZED_CONFIG_CLASS = NormalizedTextConfig

    @property
    def inputs(self) -> dict[str, dict[int, str]]:
        axes = {0: "batch_size", 1: "sequence_length"}
        return {"input_ids": axes, "attention_mask": axes}


def convert(checkpoint: Checkpoint, folder: Path) -> ir.Model:
    """Trace a checkpoint.

    Args:
        checkpoint: What to trace.
        folder: Where optimum may write; the returned model still reads its weights from there.

    Raises:
        CheckpointError: The architecture cannot be traced.
    """
    path = folder / "plain.onnx"
    if "attention_mask" not in signature(checkpoint.model.forward).parameters:
        raise CheckpointError(
            f"{checkpoint.architecture} takes no attention_mask, so that padding would count as text; it cannot answer "
            f"texts of different lengths together"
        )
    with warnings.catch_warnings():
        # The tracer warns of each Python branch it passes; verification answers whether one mattered.
        warnings.simplefilter("ignore")
        logging.getLogger("optimum").setLevel(logging.ERROR)
        try:
            optimum_export(checkpoint.model, _config_of(checkpoint.model), path, opset=OPSET)
        except OSError:
            raise  # of the disk, not of the model
        except Exception as error:  # what a model raises while it is traced has no common base
            raise CheckpointError(
                f"{checkpoint.architecture} cannot be traced to ONNX: {first_line(error)}; ONNX knows no operator for "
                f"some of what it computes, or it computes differently for each text"
            ) from error
    return ir.load(path)


def _config_of(model: PreTrainedModel) -> OnnxConfig:
    """The way optimum has with an architecture; the plain way where it has none, or one with more than texts."""
    try:
        constructor = TasksManager.get_exporter_config_constructor(
            "onnx", model=model, task="fill-mask", library_name="transformers"
        )
        config = constructor(model.config, task="fill-mask")
    except (KeyError, ValueError):
        return _TextConfig(model.config, task="fill-mask")
    return config if config.inputs.keys() <= _FILL_MASK else _TextConfig(model.config, task="fill-mask")
