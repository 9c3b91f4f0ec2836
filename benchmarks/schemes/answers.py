"""What a scheme's answers are worth: beside PyTorch, and alone beside in a padded batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.schemes.graphs import SCHEMES, pairs_fit, path_of, size_of
from benchmarks.schemes.subjects import Subject
from fillmask.runtime.session import Session
from fillmask_export.probes import Probe
from fillmask_export.verify.fidelity import measure
from fillmask_export.verify.forward import Forward, checkpoint_forward, session_forward
from fillmask_export.verify.invariance import batch_difference


def judge(subject: Subject, folder: Path) -> dict[str, Any]:
    """Judge the graphs of all schemes, which lie in a folder."""
    probes = subject.probes.probes
    reference = _remembered(checkpoint_forward(subject.checkpoint), probes)
    with click.progressbar(SCHEMES, label=f"answers of {subject.name}") as schemes:
        judged = {scheme: _judge(scheme, folder, subject, reference) for scheme in schemes}
    first = next(iter(judged.values()))
    return {
        "probes": subject.probes.origin,
        "masks": first["masks"],
        "trained": subject.trained,
        "checkpoint_accuracy": first["checkpoint_accuracy"],
        "schemes": judged,
    }


def _judge(scheme: str, folder: Path, subject: Subject, reference: Forward) -> dict[str, Any]:
    path, probes = path_of(folder, scheme), subject.probes.probes
    fidelity = measure(probes, reference, session_forward(Session(path)))
    return {
        "masks": fidelity.masks,
        "top_1_agreement": fidelity.top_1_agreement,
        "mean_kl": fidelity.mean_kl,
        "accuracy": fidelity.accuracy,
        "checkpoint_accuracy": fidelity.checkpoint_accuracy,
        "batch_difference": batch_difference(path, probes, subject.checkpoint.model.config.pad_token_id or 0),
        "pairs_fit": pairs_fit(path),
        "bytes": size_of(folder, scheme),
    }


def _remembered(forward: Forward, probes: list[Probe]) -> Forward:
    """The same, run once for each probe."""
    known: dict[int, NDArray[np.float32]] = {id(probe): forward(probe) for probe in probes}
    return lambda probe: known[id(probe)]
