"""Trace a model with optimum's exporter, which needs transformers 4."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

from optimum.exporters.onnx import OnnxConfig
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.onnx.config import TextEncoderOnnxConfig
from optimum.exporters.tasks import TasksManager
from optimum.utils import NormalizedTextConfig
from transformers import PreTrainedModel

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


def write_plain(model: PreTrainedModel, path: Path) -> None:
    """Write the traced graph of a model.

    Args:
        model: In evaluation mode.
        path: The graph's file; weights of a large model go to files beside it.
    """
    logging.getLogger("optimum").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The tracer warns of each Python branch; verification shows whether one mattered.
        warnings.simplefilter("ignore")
        optimum_export(model, _config_of(model), path, opset=OPSET)


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
