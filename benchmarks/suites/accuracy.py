"""Whether contenders answer as the checkpoint does in PyTorch: the gate that every suite of speeds stands behind."""

from __future__ import annotations

from collections.abc import Sequence

import click
import numpy as np

from benchmarks.contenders import AGAIN, REFERENCE, TOP_K, Answer, precision_of
from benchmarks.harness.gate import MAX_ACCURACY_LOSS, MAX_SCORE_DIFFERENCE, disagreement
from benchmarks.harness.records import Row
from benchmarks.harness.rounds import Field, progress
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.models.folders import ModelFolders
from benchmarks.models.questions import Question, make_questions

_MASKS = {"quick": 100, "full": 1000}
_MASKS_OF_RANDOM = 64  # of a model that has learned nothing: only agreement counts
_THREADS = 2
_AT_ONCE = 20
# The control is a contender again, the floor has the graph of one.
_LEFT_OUT = (AGAIN, "floor-int8")
_AGREEMENT, _SHARED, _DIFFERENCE, _ACCURACY = "same first", "shared of five", "max score difference", "accuracy"


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Compare the answers of every contender with the reference's and with what stood at the masks."""
    questions = make_questions(folders, _MASKS[asked.profile] if folders.trained else _MASKS_OF_RANDOM)
    found = Found({"masks": len(questions), "threads": _THREADS, "top_k": TOP_K, "trained": folders.trained})
    found.params |= {"max_accuracy_loss": MAX_ACCURACY_LOSS, "max_score_difference": MAX_SCORE_DIFFERENCE}
    entries = {name: (name, _THREADS) for name in asked.contenders if name not in _LEFT_OUT}
    with Field(folders, entries) as field:
        answers = _ask(field, [question.text for question in questions])
        measured = {name: compare(questions, given, answers[REFERENCE]) for name, given in answers.items()}
        for name, shares in measured.items():
            settings, precision = field.settings[name], precision_of(name)
            cases = [{"measure": each} for each in shares]
            found.rows += [Row(name, precision, case, "share", [shares[case["measure"]]], settings) for case in cases]
        found.rows += [Row(name, precision_of(name), {}, "share", [], failed=why) for name, why in field.failed.items()]
    refused = {name: why for name in answers if (why := _refusal(name, questions, answers, measured))}
    found.params["refused"] = refused | field.failed
    found.gate = "; ".join(f"{name}: {why}" for name, why in refused.items() if name.startswith("fillmask")) or None
    return found


def compare(questions: Sequence[Question], answers: Sequence[Answer], reference: Sequence[Answer]) -> dict[str, float]:
    """Shares of the masks, and the largest difference of a score of a token that both have among their five."""
    pairs = list(zip(answers, reference, strict=True))
    both = [(dict(ours), dict(theirs)) for ours, theirs in pairs]
    found = {
        _AGREEMENT: float(np.mean([ours[0][0] == theirs[0][0] for ours, theirs in pairs])),
        _SHARED: float(np.mean([len(ours.keys() & theirs.keys()) / len(theirs) for ours, theirs in both])),
        _DIFFERENCE: max(abs(ours[token] - theirs[token]) for ours, theirs in both for token in ours.keys() & theirs),
    }
    if all(question.label is not None for question in questions):
        labels = [question.label for question in questions]
        found[_ACCURACY] = float(np.mean([ours[0][0] == label for (ours, _), label in zip(pairs, labels, strict=True)]))
    return found


def _ask(field: Field, texts: list[str]) -> dict[str, list[Answer]]:
    answers: dict[str, list[Answer]] = {}
    with progress(field.alive, "answers") as names:
        for name in names:
            parts = [field.ask(name, "answers", texts=texts[start : start + _AT_ONCE]) for start in _starts(texts)]
            if name in field.alive:
                answers[name] = [answer for part in parts for answer in part]
    if REFERENCE not in answers:
        raise click.ClickException(f"{REFERENCE} failed: {field.failed.get(REFERENCE, 'it was left out')}")
    return answers


def _starts(texts: list[str]) -> range:
    return range(0, len(texts), _AT_ONCE)


def _refusal(
    name: str, questions: Sequence[Question], answers: dict[str, list[Answer]], measured: dict[str, dict[str, float]]
) -> str | None:
    """Why a contender takes part in no race."""
    lost, doubt = _lost(questions, answers[name], answers[REFERENCE])
    if lost - doubt > MAX_ACCURACY_LOSS:
        return (
            f"it puts the right token first at {lost:.1%} ± {doubt:.1%} fewer of the masks, more than "
            f"{MAX_ACCURACY_LOSS:.0%}"
        )
    difference = measured[name][_DIFFERENCE]
    if precision_of(name) == "fp32" and difference > MAX_SCORE_DIFFERENCE:
        return f"a score differs by {difference:.2g}, more than {MAX_SCORE_DIFFERENCE}"
    return disagreement(name, answers[name], answers[REFERENCE])


def _lost(questions: Sequence[Question], answers: Sequence[Answer], reference: Sequence[Answer]) -> tuple[float, float]:
    """Share of the masks that the reference answers right and a contender does not, net, and two standard errors."""
    asked = zip(questions, answers, reference, strict=True)
    right = [(theirs[0][0] == each.label, ours[0][0] == each.label) for each, ours, theirs in asked]
    lost = np.array([int(theirs) - int(ours) for theirs, ours in right])
    return float(lost.mean()), float(2 * lost.std() / np.sqrt(lost.size))


command = suite_command("accuracy", measure, "Compare answers with those of the checkpoint in PyTorch.")
