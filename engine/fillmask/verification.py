"""``fillmask verify``: whether a folder is the one that was exported, and predicts here what it predicted there.

An intact graph can predict differently: other CPUs have other instructions for int8. The manifest holds texts with the
predictions that each variant gave when it was exported; verification predicts them again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from fillmask.artifact.folder import Artifact, open_artifact
from fillmask.artifact.manifest import MANIFEST
from fillmask.errors import ArtifactError, FillMaskError, IntegrityError, first_line
from fillmask.invariance import random_difference
from fillmask.pipeline import FillMask
from fillmask.runtime.providers import Provider

BATCH_TEXTS = 256
_BATCH_TOLERANCE = 1e-5  # of folders that record none
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
        batch_texts: On how many random texts ``batch_difference`` was measured.
        batch_difference: The largest difference of a score between a text beside padding and alone; None if the
            variant does not run, or does not promise equal scores.
        batch_tolerance: The largest such difference that the manifest allows.
    """

    variant: str
    texts: int
    max_score_difference: float | None
    tolerance: float
    latency_ms: float | None
    providers: tuple[str, ...] = ()
    error: str | None = None
    batch_texts: int = 0
    batch_difference: float | None = None
    batch_tolerance: float = _BATCH_TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether the variant predicts here what it predicted where it was exported, alone and in a batch."""
        return self.predicts and self.batches

    @property
    def predicts(self) -> bool:
        """Whether its scores are those stored at the export."""
        return self.max_score_difference is not None and self.max_score_difference <= self.tolerance

    @property
    def batches(self) -> bool:
        """Whether padding leaves its scores as they are, if its manifest promises that."""
        return self.batch_difference is None or self.batch_difference <= self.batch_tolerance


def verify(
    model: str | Path | None = None, *, batch_texts: int = BATCH_TEXTS, providers: Sequence[Provider] | None = None
) -> list[Check]:
    """Hash every file of a model folder, then predict the stored texts of every variant again.

    Each variant also runs random texts alone and in padded batches, since kernels differ between CPUs.

    Args:
        model: As in ``FillMask``. Of a hub model only the variants in the cache are checked.
        batch_texts: Random texts that run alone and beside padding, for each variant that is batch-invariant.
        providers: As in ``FillMask``.

    Returns:
        One check for each variant.

    Raises:
        IntegrityError: A file is missing or has changed.
        ArtifactError: The folder has no manifest, so there is nothing to compare with; or none of its variants is
            in the cache.
    """
    artifact = open_artifact(model)
    if not artifact.manifest:
        raise ArtifactError(
            f"{artifact.folder} has no {MANIFEST}, so nothing to verify against; export it with fillmask"
        )
    names = artifact.check_all()
    there = [variant for variant, file in artifact.variants.items() if file in names]
    checks = [_check(artifact, variant, batch_texts, providers) for variant in there]
    if not checks:
        raise ArtifactError(
            f"nothing was verified, since no variant of {artifact.source} is in the hub's cache; `fillmask pull "
            f"{artifact.source} --revision {artifact.revision} --variant {next(iter(artifact.variants))}` fetches one"
        )
    return checks


def best(checks: list[Check]) -> Check | None:
    """The fastest variant of those that passed."""
    timed = [(check.latency_ms, check) for check in checks if check.passed and check.latency_ms is not None]
    return min(timed, key=lambda pair: pair[0])[1] if timed else None


def _check(artifact: Artifact, variant: str, batch_texts: int, providers: Sequence[Provider] | None) -> Check:
    """Predict a variant's stored texts; an error that keeps it from running here becomes part of the check."""
    entry = artifact.manifest["variants"][variant]
    _check_entry(variant, entry)
    expected, tolerance = entry["expected"], entry["tolerance"]
    try:
        fill_mask = FillMask(artifact.folder, variant=variant, providers=providers)
        difference = max(_difference(each, _scores(fill_mask, each["text"])) for each in expected)
        latency = _latency(fill_mask, [each["text"] for each in expected])
        check = Check(variant, len(expected), difference, tolerance, latency, tuple(fill_mask.providers))
        return _with_batches(check, fill_mask, batch_texts, entry.get("batch_tolerance", _BATCH_TOLERANCE))
    except IntegrityError:
        raise
    except FillMaskError as error:
        return Check(variant, 0, None, tolerance, None, error=first_line(error))


def _with_batches(check: Check, fill_mask: FillMask, texts: int, tolerance: float) -> Check:
    if not fill_mask.batch_invariant or texts == 0:
        return check
    difference = random_difference(fill_mask.model.session, fill_mask.model.tokenizer, texts)
    return replace(check, batch_texts=texts, batch_difference=difference, batch_tolerance=tolerance)


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
    if not isinstance(expected, list) or not expected:
        raise ArtifactError(f"{MANIFEST} holds no expected predictions for variant {variant!r}; export it again")
    for name, usual in (("tolerance", None), ("batch_tolerance", _BATCH_TOLERANCE)):
        _check_tolerance(variant, name, entry.get(name, usual))
    for each in expected:
        if not isinstance(each, dict) or not each.get("text") or not _is_complete(each):
            raise ArtifactError(f"{MANIFEST} holds broken predictions for variant {variant!r}; export it again")


def _check_tolerance(variant: str, name: str, tolerance: object) -> None:
    if not isinstance(tolerance, (int, float)):
        raise ArtifactError(
            f"{MANIFEST} must hold a number as {name} of variant {variant!r}, got {tolerance!r}; export it again"
        )
    if tolerance >= 1:
        raise ArtifactError(
            f"{MANIFEST} allows variant {variant!r} to differ by {tolerance} ({name}), and scores differ by 1 at most; "
            f"export it again"
        )


def _is_complete(expected: Mapping[str, Any]) -> bool:
    tokens, scores = expected.get("tokens"), expected.get("scores", [])
    if not isinstance(scores, list) or not isinstance(tokens, list) or not 0 < len(tokens) == len(scores):
        return False
    probabilities = all(isinstance(score, (int, float)) and 0 <= score <= 1 for score in scores)
    return probabilities and all(isinstance(token, int) for token in tokens)
