"""``fillmask verify``: whether a folder is the one that was exported, and predicts here what it predicted there.

An intact graph can predict differently: other CPUs have other instructions for int8. The manifest holds texts with the
predictions that each variant gave when it was exported; verification predicts them again.
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

_TOP_K = 50  # predictions among which the stored tokens are looked up
_ROUNDS = 3  # of timing all stored texts; the first run of a graph takes longer


@dataclass(frozen=True, slots=True)
class Check:
    """A variant on this machine.

    Attributes:
        variant: Its name.
        texts: How many stored texts were predicted again.
        max_score_difference: The largest difference between a stored score and the score here; None if the variant
            does not run.
        tolerance: The largest difference that the manifest allows.
        latency_ms: Median milliseconds of a stored text, tokenizing included; None if the variant does not run.
        providers: The execution providers it ran on.
        error: Why the variant does not run here, or None.
    """

    variant: str
    texts: int
    max_score_difference: float | None
    tolerance: float
    latency_ms: float | None
    providers: tuple[str, ...] = ()
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the variant predicts here what it predicted where it was exported."""
        return self.max_score_difference is not None and self.max_score_difference <= self.tolerance


def verify(model: str | Path | None = None) -> list[Check]:
    """Hash every file of a model folder, then predict the stored texts of every variant again.

    Args:
        model: As in ``FillMask``. Of a hub model only the variants in the cache are checked.

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
    """Predict a variant's stored texts; an error that keeps it from running here becomes part of the check."""
    entry = artifact.manifest["variants"][variant]
    _check_entry(variant, entry)
    expected, tolerance = entry["expected"], entry["tolerance"]
    try:
        fill_mask = FillMask(artifact.folder, variant=variant)
        difference = max(_difference(each, _scores(fill_mask, each["text"])) for each in expected)
        latency = _latency(fill_mask, [each["text"] for each in expected])
        return Check(variant, len(expected), difference, tolerance, latency, tuple(fill_mask.providers))
    except IntegrityError:
        raise
    except FillMaskError as error:
        return Check(variant, 0, None, tolerance, None, error=first_line(error))


def _scores(fill_mask: FillMask, text: str) -> dict[int, float]:
    masks = fill_mask.predict(text, top_k=min(_TOP_K, fill_mask.vocab_size), truncation="window")
    return {prediction.token: prediction.score for prediction in masks[0]}


def _latency(fill_mask: FillMask, texts: Sequence[str]) -> float:
    times = []
    for _ in range(_ROUNDS):
        for text in texts:
            start = time.perf_counter()
            fill_mask.predict(text, truncation="window")
            times.append((time.perf_counter() - start) * 1000)
    return median(times)


def _difference(expected: Mapping[str, Any], scores: Mapping[int, float]) -> float:
    """The largest difference of scores; a stored token that is not among the predictions has score 0."""
    stored = zip(expected["tokens"], expected["scores"], strict=True)
    return max(float(abs(score - scores.get(token, 0.0))) for token, score in stored)


def _check_entry(variant: str, entry: Mapping[str, Any]) -> None:
    expected = entry.get("expected")
    tolerance = entry.get("tolerance")
    if not isinstance(tolerance, (int, float)) or not isinstance(expected, list) or not expected:
        raise ArtifactError(
            f"{MANIFEST} holds no expected predictions or no tolerance for variant {variant!r}; export it again"
        )
    if tolerance >= 1:
        raise ArtifactError(
            f"{MANIFEST} allows variant {variant!r} to differ by {tolerance:g}, and scores differ by 1 at most; export "
            f"it again"
        )
    for each in expected:
        if not isinstance(each, dict) or not each.get("text") or not _is_complete(each):
            raise ArtifactError(f"{MANIFEST} holds broken predictions for variant {variant!r}; export it again")


def _is_complete(expected: Mapping[str, Any]) -> bool:
    tokens, scores = expected.get("tokens"), expected.get("scores", [])
    if not isinstance(scores, list) or not isinstance(tokens, list) or not 0 < len(tokens) == len(scores):
        return False
    probabilities = all(isinstance(score, (int, float)) and 0 <= score <= 1 for score in scores)
    return probabilities and all(isinstance(token, int) for token in tokens)
