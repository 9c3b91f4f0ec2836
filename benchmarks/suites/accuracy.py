"""Whether contenders predict what the checkpoint does in PyTorch. The report shows no speeds of those that do not.

On a GPU the reference is fillmask's fp32 graph on the CPU, and contenders predict in batches too.
"""

from __future__ import annotations

from collections.abc import Sequence

import click
import numpy as np

from benchmarks.contenders import FP32_ON_CPU, REFERENCE, TOP_K, Predictions, precision_of
from benchmarks.device import Device
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import progress
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import MaskedText, make_masked_texts

_MASKS = {"quick": 100, "full": 1000}
_MASKS_OF_RANDOM = 64  # of random weights: only agreement counts
_THREADS = 2
_TEXTS_OF_A_CALL = 20
_GPU_BATCHES = (1, 8)
_MAX_ACCURACY_LOSS = 0.02
# By precision. int8 and bf16 have none: their accuracy counts, and of random weights, where no token is right, the
# share of the five likeliest. Those of another computation would share hardly any.
_LEAST_SHARED = 0.5
# Of the others' texts so many have the reference's first token, or one that it scores as high within the difference.
_MAX_SCORE_DIFFERENCE = {"fp32": 1e-4, "fp16": 1e-2}
_LEAST_AS_LIKELY = {"fp32": 1.0, "fp16": 0.99}
_AGREEMENT, _SHARED, _DIFFERENCE, _ACCURACY = "same first", "shared of five", "max score difference", "accuracy"
Measures = dict[str, float]


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Compare the predictions of every contender with the reference's and with the labels."""
    device = options.device
    masked = make_masked_texts(folders, _MASKS[options.profile] if folders.trained else _MASKS_OF_RANDOM)
    result = SuiteResult({"masks": len(masked), "threads": _THREADS, "top_k": TOP_K, "trained": folders.trained,
                          "max_accuracy_loss": _MAX_ACCURACY_LOSS,
                          "max_score_difference": _MAX_SCORE_DIFFERENCE["fp32"]}, device)  # fmt: skip
    names = [name for name in options.contenders if name != device.again]
    reference, threads = (REFERENCE, _THREADS) if device.is_cpu else (FP32_ON_CPU, 0)
    batches: list[dict[str, int]] = [{}] if device.is_cpu else [{"batch": size} for size in _GPU_BATCHES]
    refused: dict[str, str] = {}
    with Workers(folders, dict.fromkeys([reference, *names], threads), device) as workers:
        failed = dict(workers.failed)
        if reference in failed:
            raise click.ClickException(f"{reference} failed: {failed[reference]}")
        expected = _predict(workers, reference, masked)
        for name in (name for name in names if name in workers.loaded):
            try:
                for batch in batches:
                    predictions = _predict(workers, name, masked, batch.get("batch", 1))
                    measures, precision = compare(masked, predictions, expected), precision_of(name, device)
                    result.rows += [Row(name, precision, {"measure": each} | batch, "share", [value],
                                        workers.settings[name]) for each, value in measures.items()]  # fmt: skip
                    if why := refusal(precision, masked, predictions, expected, measures):
                        refused.setdefault(name, why)
            except ContenderError as error:
                failed[name] = str(error)
    result.rows += [Row(name, precision_of(name, device), {}, "share", [], failed=why) for name, why in failed.items()]
    result.params["refused"] = refused | failed
    result.gate = blocking(refused, device)
    return result


def blocking(refused: dict[str, str], device: Device) -> str | None:
    """Why the model gets no speeds at all: a variant of fillmask is refused, on a GPU the main one."""
    ours = "fillmask" if device.is_cpu else device.ours
    return "; ".join(f"{name}: {why}" for name, why in refused.items() if name.startswith(ours)) or None


def compare(
    masked: Sequence[MaskedText], predictions: Sequence[Predictions], reference: Sequence[Predictions]
) -> Measures:
    """Shares of the masks, and the largest difference of a score.

    Scores are compared of tokens that both predict. A reference of more tokens than the contender counts a missing one
    with a score of 0.
    """
    pairs = list(zip(predictions, reference, strict=True))
    both = [(dict(ours), dict(theirs[: len(ours)])) for ours, theirs in pairs]
    measures = {
        _AGREEMENT: float(np.mean([ours[0][0] == theirs[0][0] for ours, theirs in pairs])),
        _SHARED: float(np.mean([len(ours.keys() & theirs.keys()) / len(theirs) for ours, theirs in both])),
        _DIFFERENCE: float(np.max([_difference(ours, theirs) for ours, theirs in pairs])),
    }
    if all(each.label is not None for each in masked):
        right = [ours[0][0] == each.label for (ours, _), each in zip(pairs, masked, strict=True)]
        measures[_ACCURACY] = float(np.mean(right))
    return measures


def refusal(
    precision: str,
    masked: Sequence[MaskedText],
    predictions: Sequence[Predictions],
    reference: Sequence[Predictions],
    measures: Measures,
) -> str | None:
    """Why a contender gets no speeds, or None."""
    triples = zip(masked, predictions, reference, strict=True)
    lost = np.array([int(theirs[0][0] == each.label) - int(ours[0][0] == each.label) for each, ours, theirs in triples])
    share, error = lost.mean(), 2 * lost.std() / np.sqrt(lost.size)
    if share - error > _MAX_ACCURACY_LOSS:
        return (
            f"it puts the right token first at {share:.1%} ± {error:.1%} fewer of the masks, more than "
            f"{_MAX_ACCURACY_LOSS:.0%}"
        )
    bound = _MAX_SCORE_DIFFERENCE.get(precision)
    if bound is None:
        return None if all(each.label is not None for each in masked) else _refusal_by_shared(measures)
    if not measures[_DIFFERENCE] <= bound:  # neither is NaN
        return f"a score differs by {measures[_DIFFERENCE]:.2g}, more than {bound}"
    wrong = [number for number, (ours, theirs) in enumerate(zip(predictions, reference, strict=True))
             if theirs[0][1] - dict(theirs).get(ours[0][0], -1.0) > bound * theirs[0][1]]  # fmt: skip
    if len(wrong) <= (1 - _LEAST_AS_LIKELY[precision]) * len(predictions):
        return None
    return (
        f"predictions differ from the reference in {len(wrong)} of {len(predictions)} texts, first in number {wrong[0]}"
    )


def _refusal_by_shared(measures: Measures) -> str | None:
    if measures[_SHARED] >= _LEAST_SHARED:
        return None
    return f"it shares {measures[_SHARED]:.1%} of the five likeliest tokens, fewer than {_LEAST_SHARED:.0%}"


def _predict(workers: Workers, name: str, masked: Sequence[MaskedText], batch_size: int = 1) -> list[Predictions]:
    texts = [each.text for each in masked]
    predictions: list[Predictions] = []
    with progress(range(0, len(texts), _TEXTS_OF_A_CALL), name) as starts:
        for start in starts:
            part = texts[start : start + _TEXTS_OF_A_CALL]
            predictions += workers.call(name, "predictions", texts=part, batch_size=batch_size)
    return predictions


def _difference(ours: Predictions, theirs: Predictions) -> float:
    """The largest difference of a score of a token."""
    scores, complete = dict(theirs), len(theirs) > len(ours)
    differences = [abs(score - scores.get(token, 0.0)) for token, score in ours if complete or token in scores]
    return float(np.max(differences)) if differences else 0.0


command = suite_command(
    "accuracy", measure, "Compare predictions with those of the checkpoint in PyTorch.", on_gpu=True
)
