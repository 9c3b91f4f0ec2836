"""The gate: a contender whose answers are wrong takes part in no race, and without an accuracy run there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import REFERENCE, Answer, precision_of
from benchmarks.harness.records import Row, read
from benchmarks.harness.rounds import Field
from benchmarks.models.folders import ModelFolders

MAX_ACCURACY_LOSS = 0.02
MAX_SCORE_DIFFERENCE = 1e-4


@dataclass(frozen=True, slots=True)
class Gate:
    """What an accuracy run says.

    Attributes:
        refused: By contender, why it takes no part.
        reason: Why no speed may be said at all, or None.
    """

    refused: dict[str, str]
    reason: str | None = None


def open_gate(folder: Path, folders: ModelFolders) -> Gate:
    """Read the accuracy run of a model, of the same weights and graphs, from the folder that records are written to."""
    path = folder / f"accuracy-{folders.name}.json"
    if not path.exists():
        return Gate({}, f"accuracy was not measured; run python -m benchmarks accuracy --model {folders.name} first")
    record = read(path)
    if record.params["subject"] != folders.described():
        return Gate({}, "accuracy was measured on other weights or graphs; measure it again")
    refused: dict[str, str] = record.params["refused"]
    ours = {name: why for name, why in refused.items() if name.startswith("fillmask")}
    return Gate(refused, f"accuracy: {ours}" if ours else None)


def check_answers(field: Field, texts: list[str]) -> dict[str, str]:
    """Ask all contenders the same, and let those take no part in the race whose answers are wrong.

    Returns:
        By contender, in how many texts its first token is the reference's.
    """
    answers = {name: field.ask(name, "answers", texts=texts) for name in field.alive}
    reference = answers.get(REFERENCE)
    if reference is None:
        return {}
    notes = {}
    for name in field.alive:
        same = np.mean([ours[0][0] == theirs[0][0] for ours, theirs in zip(answers[name], reference, strict=True)])
        notes[name] = f"first token as {REFERENCE} in {same:.0%} of {len(texts)} texts"
        if why := disagreement(name, answers[name], reference):
            field.fail(name, why)
    return notes


def failed_rows(gate: Gate, field: Field, case: dict[str, Any], unit: str) -> list[Row]:
    """The rows of contenders that are refused or have failed, which say why."""
    return [
        Row(name, precision_of(name), case, unit, [], failed=why) for name, why in (gate.refused | field.failed).items()
    ]


def disagreement(name: str, answers: Sequence[Answer], reference: Sequence[Answer]) -> str | None:
    """Why answers cannot be those of the model, or None: an fp32 contender's first token is the reference's.

    Where the reference has another first, it must have scored this one as high, but for rounding.
    """
    if precision_of(name) != "fp32":
        return None
    pairs = zip(answers, reference, strict=True)
    wrong = [number for number, (ours, theirs) in enumerate(pairs) if not _as_likely(ours[0][0], theirs)]
    if not wrong:
        return None
    return f"answers differ from {REFERENCE} in {len(wrong)} of {len(answers)} texts, first in number {wrong[0]}"


def _as_likely(token: int, reference: Answer) -> bool:
    scores = dict(reference)
    best = reference[0][1]
    return token in scores and best - scores[token] <= MAX_SCORE_DIFFERENCE * best
