"""``fillmask verify``: is this the artifact that was exported, and does it answer here as it did there?

A graph can be intact and still answer differently: other CPUs have other instructions for int8. The manifest holds
answers that each variant gave when it was exported; here they are asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fillmask.artifact import MANIFEST, Artifact, open_artifact
from fillmask.errors import ArtifactError
from fillmask.pipeline import FillMask


@dataclass(frozen=True, slots=True)
class Check:
    """A variant on this machine.

    Attributes:
        variant: Its name.
        answers: How many stored answers were asked for again.
        max_score_difference: The largest difference of a stored score from the one given here.
        tolerance: What the manifest allows.
        latency_ms: Median time of an answer.
    """

    variant: str
    answers: int
    max_score_difference: float
    tolerance: float
    latency_ms: float

    @property
    def passed(self) -> bool:
        """Whether the variant answers here as it did where it was exported."""
        return self.max_score_difference <= self.tolerance


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
    return min((check for check in checks if check.passed), key=lambda check: check.latency_ms, default=None)


def _check(artifact: Artifact, variant: str) -> Check:
    fill_mask = FillMask(artifact.folder, variant=variant)
    entry = artifact.manifest["variants"][variant]
    _check_entry(variant, entry)
    top_k = min(50, fill_mask.vocab_size)
    differences, times = [], []
    for answer in entry["answers"]:
        start = time.perf_counter()
        masks = fill_mask.predict(answer["text"], top_k=top_k, truncation="window")
        times.append((time.perf_counter() - start) * 1000)
        differences.append(_difference(answer, {p.token: p.score for p in masks[0]}))
    return Check(variant, len(times), max(differences), entry["tolerance"], sorted(times)[len(times) // 2])


def _difference(answer: Mapping[str, Any], scores: Mapping[int, float]) -> float:
    """A stored token that is no longer among the first 50 counts with its whole score."""
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
