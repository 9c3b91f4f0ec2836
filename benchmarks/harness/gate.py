"""The gate: a contender with wrong predictions gets no speed, and without an accuracy run there are no speeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.contenders import REFERENCE, Predictions, precision_of
from benchmarks.device import CPU, Device
from benchmarks.harness.records import read
from benchmarks.harness.worker import ContenderError
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders

MAX_ACCURACY_LOSS = 0.02
MAX_SCORE_DIFFERENCE = {"fp32": 1e-4, "fp16": 1e-2}
"""By precision; int8 and bf16 have no bound."""
LEAST_AS_LIKELY = {"fp32": 1.0, "fp16": 0.99}
"""Share of the texts whose first token must be the reference's, or as likely there."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The result of an accuracy run.

    Attributes:
        refused: By contender, why it takes no part.
        reason: Why there are no speeds at all, or None.
    """

    refused: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


def open_gate(folder: Path, folders: ModelFolders, device: Device = CPU) -> Gate:
    """Read the accuracy run of a model, of the same weights and graphs, from the folder of the records."""
    suffix = "" if device.is_cpu else f"-{device.name}"
    path = folder / f"accuracy-{folders.name}{suffix}.json"
    if not path.exists():
        return Gate(reason=f"accuracy was not measured; run python -m benchmarks accuracy --model {folders.name} first")
    record = read(path)
    if record.params["subject"] != folders.described():
        return Gate(reason="accuracy was measured on other weights or graphs; measure it again")
    refused: dict[str, str] = record.params["refused"]
    ours = blocking(refused, device)
    return Gate(refused, f"accuracy: {ours}" if ours else None)


def blocking(refused: dict[str, str], device: Device) -> dict[str, str]:
    """The refusals that leave no speeds at all: of any variant of fillmask on a CPU, of the main one on a GPU."""
    names = [name for name in refused if name.startswith("fillmask" if device.is_cpu else device.ours)]
    return {name: refused[name] for name in names}


def check_predictions(
    workers: Workers, names: Sequence[str], texts: list[str], device: Device = CPU
) -> tuple[dict[str, str], dict[str, str]]:
    """Compare the predictions of contenders with the reference's, where that computes in fp32.

    Returns:
        By contender, in how many texts its first token is the reference's; and why its predictions are wrong, or why it
        failed.
    """
    notes, wrong = dict[str, str](), dict[str, str]()
    predictions: dict[str, list[Predictions]] = {}
    for name in names:
        try:
            predictions[name] = workers.call(name, "predictions", texts=texts)
        except ContenderError as error:
            wrong[name] = str(error)
    reference = predictions.get(REFERENCE)
    if reference is None or precision_of(REFERENCE, device) != "fp32":
        return notes, wrong
    for name, ours in predictions.items():
        same = np.mean([one[0][0] == other[0][0] for one, other in zip(ours, reference, strict=True)])
        notes[name] = f"first token as {REFERENCE} in {same:.0%} of {len(texts)} texts"
        if why := disagreement(precision_of(name, device), ours, reference):
            wrong[name] = why
    return notes, wrong


def disagreement(
    precision: str, predictions: Sequence[Predictions], reference: Sequence[Predictions], label: str = REFERENCE
) -> str | None:
    """Why predictions cannot be those of the model, or None.

    In fp32 the first token must be the reference's, or one that the reference scores as high within rounding. In fp16
    that must hold in 99 % of the texts. In lower precisions there is no such bound.

    Args:
        precision: Of the contender.
        predictions: Of each text.
        reference: Of the same texts.
        label: The reference's name.
    """
    if precision not in LEAST_AS_LIKELY:
        return None
    tolerance = MAX_SCORE_DIFFERENCE[precision]
    pairs = enumerate(zip(predictions, reference, strict=True))
    wrong = [number for number, (ours, theirs) in pairs if not _as_likely(ours[0][0], theirs, tolerance)]
    if len(predictions) - len(wrong) >= LEAST_AS_LIKELY[precision] * len(predictions):
        return None
    return f"predictions differ from {label} in {len(wrong)} of {len(predictions)} texts, first in number {wrong[0]}"


def _as_likely(token: int, reference: Predictions, tolerance: float) -> bool:
    scores = dict(reference)
    best = reference[0][1]
    return token in scores and best - scores[token] <= tolerance * best
