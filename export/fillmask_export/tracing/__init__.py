"""PyTorch to a plain ONNX graph: ``input_ids, attention_mask, … → logits[b, s, V]``.

optimum traces beside transformers 4, and ``torch.export`` traces beside transformers 5, which optimum does not load.
The TorchScript trace that optimum uses is silently wrong for several models of transformers 5. It is never used there.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path

import onnx_ir as ir
from onnx_ir.passes.common import ClearMetadataAndDocStringPass

from fillmask.errors import first_line
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import CheckpointError


def find_tracer() -> str:
    """The tracer that goes with the installed packages: ``"optimum"`` or ``"torch.export"``."""
    try:
        version("optimum-onnx")
    except PackageNotFoundError:
        return "torch.export"
    return "optimum" if int(version("transformers").partition(".")[0]) < 5 else "torch.export"


def trace(checkpoint: Checkpoint, folder: Path) -> ir.Model:
    """Trace a checkpoint with ``find_tracer()``.

    Args:
        checkpoint: The checkpoint.
        folder: Receives ``plain.onnx`` and its weights; the returned model still reads its weights from there.

    Raises:
        CheckpointError: The architecture cannot be traced.
    """
    if "attention_mask" not in signature(checkpoint.model.forward).parameters:
        raise CheckpointError(
            f"{checkpoint.architecture} takes no attention_mask, so that padding would count as text; texts of "
            f"different lengths cannot run together"
        )
    path = folder / "plain.onnx"
    try:
        _write(checkpoint, path)
    except (CheckpointError, ImportError, OSError):
        raise  # of a missing package or of the disk, not of the model
    except Exception as error:  # the exceptions of a traced model have no common base
        reason = first_line(error.__cause__ or error)
        raise CheckpointError(
            f"{checkpoint.architecture} cannot be traced to ONNX: {reason}; ONNX knows no operator for some of what it "
            f"computes, or it computes differently for each text"
        ) from error
    model = ir.load(path)
    # torch.export notes at each node the lines of Python it came from, with the paths of the machine.
    ClearMetadataAndDocStringPass()(model)
    return model


def _write(checkpoint: Checkpoint, path: Path) -> None:
    if find_tracer() == "optimum":
        from fillmask_export.tracing import optimum as tracer
    else:
        from fillmask_export.tracing import torch_export as tracer  # type: ignore[no-redef]
    tracer.write_plain(checkpoint.model, path)
