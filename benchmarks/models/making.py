"""Makes what is missing of a model."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.models.folders import BUILT, ModelFolders, sha256_of
from benchmarks.models.subjects import SUBJECTS

_ROOT = Path(__file__).parents[2]
_EXPORT = _ROOT / "export" / "fillmask_export"
_SHAPING = ("convert.py", "build_variant.py", "shared_weights.py", "esm.py", "passes/*.py", "quantization/*.py")


def prepare(name: str, checkpoint: Path | None = None, calibration: Path | None = None) -> ModelFolders:
    """The folders of a model; what is not there yet is made in a process of its own, which takes minutes.

    Args:
        name: One of ``SUBJECTS``.
        checkpoint: Weights to take instead of random ones.
        calibration: Texts for the scales of int8, one a line; None takes what the model brings, or fillmask's own.

    Raises:
        click.ClickException: Something cannot be made.
    """
    folders = folders_of(name, checkpoint)
    if not _complete(folders):
        command = [sys.executable, "-m", "benchmarks.models", name]
        for option, value in (("--checkpoint", checkpoint), ("--calibration", calibration)):
            command += [option, str(value.resolve())] if value else []
        if subprocess.run(command, cwd=_ROOT, check=False, stdout=sys.stderr).returncode:
            raise click.ClickException(f"{name} could not be made; see above")
    return folders


def folders_of(name: str, checkpoint: Path | None) -> ModelFolders:
    """Where a model's parts lie, or will lie: a given checkpoint's in a folder of its own."""
    subject, home = SUBJECTS[name], BUILT / name
    if checkpoint:
        home = BUILT / f"{name}-{sha256_of(checkpoint)[:8]}"
    texts = home / "texts" / "germline-chains.txt" if subject.sequences else None
    return ModelFolders(
        name,
        checkpoint.resolve() if checkpoint else home / "checkpoint",
        home / "optimum",
        home / f"artifact-{_exporter()}",
        trained=subject.trained or checkpoint is not None,
        texts=texts,
    )


def make(name: str, checkpoint: Path | None, calibration: Path | None) -> None:
    """Make what is missing, each part whole or not at all."""
    folders, subject = folders_of(name, checkpoint), SUBJECTS[name]
    _appear(folders.checkpoint, subject.make)
    if subject.sequences and folders.texts:
        folders.texts.parent.mkdir(parents=True, exist_ok=True)
        own, _ = subject.sequences(folders.texts.parent)
        calibration = calibration or own
    _appear(folders.optimum, lambda folder: _optimum(folders.checkpoint, folder))
    if not folders.artifact.exists():
        _artifact(folders, calibration)


def _complete(folders: ModelFolders) -> bool:
    return all(path.exists() for path in (folders.checkpoint, folders.optimum, folders.artifact))


def _appear(folder: Path, fill: Callable[[Path], object]) -> None:
    """Fill a folder that is not there, and give it its name when it is full."""
    if folder.exists():
        return
    click.echo(f"making {folder.parent.name}/{folder.name}", err=True)
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    fill(unfinished)
    unfinished.rename(folder)


def _optimum(checkpoint: Path, folder: Path) -> None:
    """As ``optimum-cli export onnx --task fill-mask`` and ``optimum-cli onnxruntime quantize --per_channel`` do."""
    from optimum.exporters.onnx import main_export
    from optimum.onnxruntime import ORTQuantizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main_export(str(checkpoint), output=folder, task="fill-mask", do_validation=False)
        ORTQuantizer.from_pretrained(folder, file_name="model.onnx").quantize(_dynamic(), save_dir=folder)


def _dynamic() -> object:
    """The dynamic int8 of optimum for this CPU."""
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    from benchmarks.harness.machine import context

    flags = context()["flags"]
    known = {"avx512_vnni": "avx512_vnni", "avx512f": "avx512", "avx2": "avx2"}
    kind = next((known[flag] for flag in known if flag in flags), "arm64")
    return getattr(AutoQuantizationConfig, kind)(is_static=False, per_channel=True)


def _artifact(folders: ModelFolders, calibration: Path | None) -> None:
    """As ``fillmask export`` makes it for a user; its costs are measured by the suites."""
    from fillmask_export import Plan, export

    for old in folders.artifact.parent.glob("artifact-*"):
        shutil.rmtree(old)
    plan = Plan(calibration=calibration, texts=folders.texts, masks=500, rounds=0)
    export(folders.checkpoint, folders.artifact, allow_pickle=True, plan=plan, say=_say)


def _say(step: str) -> None:
    click.echo(step, err=True)


def _exporter() -> str:
    """A hash of what shapes an artifact's graphs, so that none made by an older exporter is measured."""
    digest = hashlib.sha256()
    for pattern in _SHAPING:
        for path in sorted(_EXPORT.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
