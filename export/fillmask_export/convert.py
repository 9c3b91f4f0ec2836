"""PyTorch to a plain ONNX graph, by optimum: ``input_ids, attention_mask, … → logits[b, s, V]``."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import onnx_ir as ir
from optimum.exporters.onnx import export as optimum_export
from optimum.exporters.tasks import TasksManager

from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import CheckpointError

# LayerNormalization as one operator came with 17, reductions by input with 18; the passes know what 18 has.
OPSET = 18


def convert(checkpoint: Checkpoint, folder: Path) -> ir.Model:
    """Trace a checkpoint.

    Args:
        checkpoint: What to trace.
        folder: Where optimum may write; the returned model still reads its weights from there.

    Raises:
        CheckpointError: optimum does not know the architecture.
    """
    path = folder / "plain.onnx"
    model = checkpoint.model
    try:
        constructor = TasksManager.get_exporter_config_constructor(
            "onnx", model=model, task="fill-mask", library_name="transformers"
        )
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"optimum cannot export {checkpoint.architecture} for fill-mask: {error}") from error
    with warnings.catch_warnings():
        # The tracer warns of each Python branch it passes; verification answers whether one mattered.
        warnings.simplefilter("ignore")
        logging.getLogger("optimum").setLevel(logging.ERROR)
        optimum_export(model, constructor(model.config, task="fill-mask"), path, opset=OPSET)
    return ir.load(path)
