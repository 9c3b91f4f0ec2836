"""``fillmask verify``: is this the artifact that was exported, and does it answer here as it did there?

A graph can be intact and still answer differently: other CPUs have other instructions for int8. The manifest holds
answers that each variant gave when it was exported; here they are asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from fillmask.artifact.folder import Artifact, open_artifact
from fillmask.artifact.manifest import MANIFEST
from fillmask.errors import ArtifactError, FillMaskError, IntegrityError, first_line
from fillmask.pipeline import FillMask

_BEST = 50  # tokens among which stored ones are looked for
_ROUNDS = 3  # how often the stored texts are answered for the time; the first run of a graph is not like the others


@dataclass(frozen=True, slots=True)
class Check:
    """A variant on this machine.

    Attributes:
        variant: Its name.
        answers: How many stored answers were asked for again.
        max_score_difference: The largest difference of a stored score from the one given here; None where the
            variant does not answer.
        tolerance: What the manifest allows.
        latency_ms: Median time of an answer to a stored text, tokenizing included; None where there is none.
        providers: The execution providers it ran on.
        error: Why the variant does not answer here, or None.
    """

    variant: str
    answers: int
    max_score_difference: float | None
    tolerance: float
    latency_ms: float | None
    providers: tuple[str, ...] = ()
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the variant answers here as it did where it was exported."""
        return self.max_score_difference is not None and self.max_score_difference <= self.tolerance


def verify(model: str | Path | None = None) -> list[Check]:
    """Hash every file of a model folder, then run the stored answers of every variant again.

    Args:
        model: As in ``FillMask``. Of a hub model the variants are checked that have been fetched.

    Returns:
        One check for each variant.

    Raises:
        IntegrityError: A file is missing or has changed.
        ArtifactError: The folder has no manifest, so there is nothing to compare with.
    """
    artifact = open_artifact(model)
    if not artifact.manifest:
        raise ArtifactError(
            f"{artifact.folder} has no {MANIFEST}, so nothing to verify against; export it with fillmask"
        )
    names = list(artifact.manifest["files"])
    if artifact.revision is not None:
        names = [name for name in names if (artifact.folder / name).exists()]
    for name in names:
        artifact.check(name)
    return [_check(artifact, variant) for variant, file in artifact.variants.items() if file in names]


def best(checks: list[Check]) -> Check | None:
    """The fastest variant of those that passed."""
    timed = [(check.latency_ms, check) for check in checks if check.passed and check.latency_ms is not None]
    return min(timed, key=lambda pair: pair[0])[1] if timed else None


def _check(artifact: Artifact, variant: str) -> Check:
    """Ask for a variant's stored answers; what keeps it from running here is a finding, not an end."""
    entry = artifact.manifest["variants"][variant]
    _check_entry(variant, entry)
    answers, tolerance = entry["answers"], entry["tolerance"]
    try:
        fill_mask = FillMask(artifact.folder, variant=variant)
        difference = max(_difference(answer, _ask(fill_mask, answer["text"])) for answer in answers)
        return Check(
            variant, len(answers), difference, tolerance, _latency(fill_mask, answers), tuple(fill_mask.providers)
        )
    except IntegrityError:
        raise
    except FillMaskError as error:
        return Check(variant, 0, None, tolerance, None, error=first_line(error))


def _ask(fill_mask: FillMask, text: str) -> dict[int, float]:
    masks = fill_mask.predict(text, top_k=min(_BEST, fill_mask.vocab_size), truncation="window")
    return {prediction.token: prediction.score for prediction in masks[0]}


def _latency(fill_mask: FillMask, answers: Sequence[Mapping[str, Any]]) -> float:
    times = []
    for _ in range(_ROUNDS):
        for answer in answers:
            start = time.perf_counter()
            fill_mask.predict(answer["text"], truncation="window")
            times.append((time.perf_counter() - start) * 1000)
    return median(times)


def _difference(answer: Mapping[str, Any], scores: Mapping[int, float]) -> float:
    """A stored token that is no longer among the first counts with its whole score."""
    stored = zip(answer["tokens"], answer["scores"], strict=True)
    return max(float(abs(score - scores.get(token, 0.0))) for token, score in stored)


def _check_entry(variant: str, entry: Mapping[str, Any]) -> None:
    answers = entry.get("answers")
    if not isinstance(entry.get("tolerance"), (int, float)) or not isinstance(answers, list) or not answers:
        raise ArtifactError(f"{MANIFEST} holds no answers or no tolerance for variant {variant!r}; export it again")
    for answer in answers:
        if not isinstance(answer, dict) or not answer.get("text") or not _matched(answer):
            raise ArtifactError(f"{MANIFEST} holds a broken answer for variant {variant!r}; export it again")


def _matched(answer: Mapping[str, Any]) -> bool:
    tokens, scores = answer.get("tokens"), answer.get("scores", [])
    numbers = isinstance(scores, list) and all(isinstance(score, (int, float)) for score in scores)
    return numbers and isinstance(tokens, list) and 0 < len(tokens) == len(scores)
