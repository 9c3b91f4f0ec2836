"""A checkpoint as a folder that the engine reads, in both layouts.

``native`` is what this project's exporter writes. ``foreign`` is what other people have on their disks: the graph as
optimum exports it, or as ``torch.onnx`` does where optimum does not load, and the tokenizer's files beside it.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from shutil import copy

from transformers import AutoModelForMaskedLM, PreTrainedModel


def lay_out(layout: str, checkpoint: Path, out: Path) -> Path:
    """Export a checkpoint in fp32.

    Args:
        layout: ``"native"`` or ``"foreign"``.
        checkpoint: What ``make_checkpoint`` made.
        out: Where to; made if need be.

    Returns:
        ``out``.
    """
    if layout == "native":
        import_module("fillmask_export").export(checkpoint, out, variants=("fp32",))
    else:
        _export_plain(checkpoint, out)
    return out


def _export_plain(checkpoint: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    model = AutoModelForMaskedLM.from_pretrained(checkpoint, attn_implementation="eager").eval()
    if import_module("fillmask_export.tracing").find_tracer() == "optimum":
        _export_with_optimum(model, out / "model.onnx")
    else:
        import_module("fillmask_export.tracing.torch_export").write_plain(model, out / "model.onnx")
    for path in checkpoint.glob("*.json"):
        copy(path, out)


def _export_with_optimum(model: PreTrainedModel, path: Path) -> None:
    from optimum.exporters.onnx import export as export_onnx
    from optimum.exporters.tasks import TasksManager

    make_config = TasksManager.get_exporter_config_constructor(
        "onnx", model=model, task="fill-mask", library_name="transformers"
    )
    config = make_config(model.config, task="fill-mask")
    with warnings.catch_warnings():
        # torch warns of itself, and of every Python branch that it traces.
        warnings.simplefilter("ignore")
        export_onnx(model, config, path, opset=18)
