"""A scheme's fidelity to PyTorch, and how far a padded batch moves its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.research.schemes.graphs import SCHEMES, path_of, size_of
from benchmarks.research.schemes.models import Model
from benchmarks.research.schemes.pairs import pairs_fit
from fillmask.runtime.session import Session
from fillmask_export.probes import Probe
from fillmask_export.verify.fidelity import measure
from fillmask_export.verify.forward import Forward, checkpoint_forward, session_forward
from fillmask_export.verify.invariance import batch_difference


def measure_fidelity(model: Model, folder: Path) -> dict[str, Any]:
    """Measure the graphs of all schemes in a folder."""
    probes = model.probes.probes
    reference = _cached(checkpoint_forward(model.checkpoint), probes)
    with click.progressbar(SCHEMES, label=f"fidelity of {model.name}") as schemes:
        found = {scheme: _measure(scheme, folder, model, reference) for scheme in schemes}
    first = next(iter(found.values()))
    return {
        "probes": model.probes.origin,
        "masks": first["masks"],
        "trained": model.trained,
        "checkpoint_accuracy": first["checkpoint_accuracy"],
        "schemes": found,
    }


def _measure(scheme: str, folder: Path, model: Model, reference: Forward) -> dict[str, Any]:
    path, probes = path_of(folder, scheme), model.probes.probes
    fidelity = measure(probes, reference, session_forward(Session(path)))
    return {
        "masks": fidelity.masks,
        "top_1_agreement": fidelity.top_1_agreement,
        "mean_kl": fidelity.mean_kl,
        "accuracy": fidelity.accuracy,
        "checkpoint_accuracy": fidelity.checkpoint_accuracy,
        "batch_difference": batch_difference(path, probes, model.checkpoint.model.config.pad_token_id or 0),
        "pairs_fit": pairs_fit(path),
        "bytes": size_of(folder, scheme),
    }


def _cached(forward: Forward, probes: list[Probe]) -> Forward:
    """The same function, run once for each probe."""
    known: dict[int, NDArray[np.float32]] = {id(probe): forward(probe) for probe in probes}
    return lambda probe: known[id(probe)]
