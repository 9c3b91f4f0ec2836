"""Makes the missing folders of a model."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click

from benchmarks.device import CPU, Device
from benchmarks.models.folders import BUILT, ModelFolders, sha256_of
from benchmarks.models.nncf_int8 import quantize_for_openvino
from benchmarks.models.subjects import SUBJECTS
from fillmask.environment import cpu_flags

_EXPORT = Path(__file__).parents[2] / "export" / "fillmask_export"


def prepare(name: str, checkpoint: Path | None, calibration: Path | None, device: Device = CPU) -> ModelFolders:
    """The folders of a model; what is missing is made, which takes minutes.

    Args:
        name: One of ``SUBJECTS``.
        checkpoint: Weights to take instead of random ones.
        calibration: Texts for the scales of int8, one a line; None takes the model's own, or fillmask's.
        device: Where contenders run, which decides the variants.

    Raises:
        click.ClickException: Something cannot be made.
    """
    folders = folders_of(name, checkpoint, device)
    needed = [folders.checkpoint, folders.artifact, *([folders.optimum, folders.openvino] if device.is_cpu else [])]
    if not all(path.exists() for path in needed):
        # In a process of its own, which gives back the memory of PyTorch and the exporter.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            try:
                pool.submit(make, name, checkpoint, calibration, device).result()
            except Exception as error:  # whatever ends an export
                raise click.ClickException(f"{name} could not be made: {error}") from error
    return folders


def folders_of(name: str, checkpoint: Path | None, device: Device = CPU) -> ModelFolders:
    """Where a model's parts are, or will be; a given checkpoint's parts are in a folder of their own."""
    subject, home = SUBJECTS[name], BUILT / name
    if checkpoint:
        home = BUILT / f"{name}-{sha256_of(checkpoint)[:8]}"
    return ModelFolders(
        name,
        checkpoint.resolve() if checkpoint else home / "checkpoint",
        home / "optimum",
        home / f"{_prefix(device)}{_exporter()}",
        trained=subject.trained or checkpoint is not None,
        texts=home / "texts" / "germline-chains.txt" if subject.sequences else None,
    )


def make(name: str, checkpoint: Path | None, calibration: Path | None, device: Device = CPU) -> None:
    """Make what is missing, each part whole or not at all."""
    folders, subject = folders_of(name, checkpoint, device), SUBJECTS[name]
    _appear(folders.checkpoint, subject.make)
    if subject.sequences and folders.texts:
        folders.texts.parent.mkdir(parents=True, exist_ok=True)
        own, _ = subject.sequences(folders.texts.parent)
        calibration = calibration or own
    if device.is_cpu:
        _appear(folders.optimum, partial(_optimum, folders.checkpoint))
    if not folders.artifact.exists():
        _artifact(folders, calibration, device)
    if device.is_cpu:
        _appear(folders.openvino, partial(quantize_for_openvino, folders, calibration))


def _prefix(device: Device) -> str:
    """Of an artifact's name."""
    return "artifact-" if device.is_cpu else f"{device.precision}-artifact-"


def _appear(folder: Path, fill: Callable[[Path], object]) -> None:
    """Fill a missing folder; it gets its name when it is full."""
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
    from optimum.onnxruntime.configuration import AutoQuantizationConfig

    known = {"avx512_vnni": "avx512_vnni", "avx512f": "avx512", "avx2": "avx2"}
    kind = next((known[flag] for flag in known if flag in cpu_flags()), "arm64")
    dynamic = getattr(AutoQuantizationConfig, kind)(is_static=False, per_channel=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main_export(str(checkpoint), output=folder, task="fill-mask", do_validation=False)
        ORTQuantizer.from_pretrained(folder, file_name="model.onnx").quantize(dynamic, save_dir=folder)


def _artifact(folders: ModelFolders, calibration: Path | None, device: Device) -> None:
    """As ``fillmask export`` makes it for a user; the suites measure its costs."""
    from fillmask_export import Plan, export

    for old in folders.artifact.parent.glob(f"{_prefix(device)}*"):
        shutil.rmtree(old)
    plan = Plan(calibration=calibration, texts=folders.texts, masks=500, rounds=0)
    say = partial(click.echo, err=True)
    export(folders.checkpoint, folders.artifact, ("fp32", device.precision), allow_pickle=True, plan=plan, say=say)


def _exporter() -> str:
    """A hash of the exporter's code without training, so that no artifact of an older exporter is measured."""
    digest = hashlib.sha256()
    for path in sorted(_EXPORT.rglob("*.py")):
        if "training" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]
