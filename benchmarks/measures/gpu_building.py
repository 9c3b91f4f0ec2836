"""A model for a GPU: its checkpoint, and beside it an artifact in fp32 and fp16."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchmarks.models.folders import ModelFolders

VARIANTS = ("fp32", "fp16")
NEEDED = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers", "psutil", "pydantic", "fillmask")
_EXPORTER = ("onnx", "onnx_ir", "onnxscript", "optimum", "safetensors", "fillmask_export")
_MASKS = 500


def check_packages(needed: Iterable[str] = NEEDED, instead: str = "") -> None:
    """Refuse to begin what cannot be finished.

    Args:
        needed: Modules.
        instead: What else one may do.

    Raises:
        click.ClickException: One of them is not here.
    """
    if lacking := [name for name in needed if find_spec(name) is None]:
        raise click.ClickException(
            f"{', '.join(lacking)} cannot be imported; install them (for CUDA onnxruntime-gpu), and put "
            f"the repository's folders engine and export on PYTHONPATH where fillmask is not installed{instead}"
        )


def build(model: str, checkpoint: Path | None, artifact: Path | None) -> ModelFolders:
    """The folders of a model; what is not there yet is made, which takes minutes.

    Args:
        model: One of ``SUBJECTS``.
        checkpoint: Weights to take instead of random ones.
        artifact: What was exported from that checkpoint, on another machine say; None exports it here.

    Raises:
        click.ClickException: Something is missing.
    """
    from benchmarks.models.making import _appear, folders_of
    from benchmarks.models.subjects import SUBJECTS

    folders = folders_of(model, checkpoint)
    folders = replace(folders, artifact=artifact or folders.artifact.with_name(f"gpu-{folders.artifact.name}"))
    if not folders.artifact.exists():
        instead = "; or export elsewhere with --variant fp32 --variant fp16, and give the folder as --artifact"
        check_packages(_EXPORTER, instead)
        _appear(folders.checkpoint, SUBJECTS[model].make)
        _export(folders)
    if lacking := set(VARIANTS) - set(folders.manifest["variants"]):
        raise click.ClickException(
            f"{folders.artifact} lacks {', '.join(sorted(lacking))}; export it with both variants"
        )
    return folders


def _export(folders: ModelFolders) -> None:
    from fillmask_export import Plan, export

    for old in folders.artifact.parent.glob("gpu-artifact-*"):
        shutil.rmtree(old)
    plan = Plan(masks=_MASKS, rounds=0)
    say = lambda step: click.echo(step, err=True)  # noqa: E731
    export(folders.checkpoint, folders.artifact, VARIANTS, allow_pickle=True, plan=plan, say=say)
