"""Whether contenders predict what the checkpoint does in PyTorch: the gate of every suite of speeds.

On a GPU the reference is fillmask's fp32 graph on the CPU, and contenders predict in batches too.
"""

from __future__ import annotations

from collections.abc import Sequence

import click
import numpy as np

from benchmarks.contenders import FP32_ON_CPU, REFERENCE, TOP_K, Predictions, precision_of
from benchmarks.device import Device
from benchmarks.harness.gate import MAX_ACCURACY_LOSS, MAX_SCORE_DIFFERENCE, blocking, disagreement
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import progress
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from benchmarks.harness.workers import Setup, Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.models.masked_texts import MaskedText, make_masked_texts

_MASKS = {"quick": 100, "full": 1000}
_MASKS_OF_RANDOM = 64  # of random weights: only agreement counts
_THREADS = 2
_TEXTS_OF_A_CALL = 20
_GPU_BATCHES = (1, 8)
# The control is a contender again; the floor has the graph of one.
_LEFT_OUT = ("fillmask-int8-again", "fillmask-fp16-again", "floor-int8")
_AGREEMENT, _SHARED, _DIFFERENCE, _ACCURACY = "same first", "shared of five", "max score difference", "accuracy"
Measures = dict[str, float]


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Compare the predictions of every contender with the reference's and with the labels."""
    device = options.device
    masked = make_masked_texts(folders, _MASKS[options.profile] if folders.trained else _MASKS_OF_RANDOM)
    bounds = {"max_accuracy_loss": MAX_ACCURACY_LOSS, "max_score_difference": MAX_SCORE_DIFFERENCE["fp32"]}
    result = SuiteResult(
        {"masks": len(masked), "threads": _THREADS, "top_k": TOP_K, "trained": folders.trained, **bounds}, device
    )
    refused: dict[str, str] = {}
    with Workers(folders, _setups(options)) as workers:
        failed = dict(workers.failed)
        reference = _reference(workers, masked, device)
        for name in [name for name in workers.loaded if name != FP32_ON_CPU]:
            for batch_size in (1,) if device.is_cpu else _GPU_BATCHES:
                try:
                    predictions = _predict(workers, name, masked, batch_size)
                except ContenderError as error:
                    failed[name] = str(error)
                    break
                measures = compare(masked, predictions, reference)
                result.rows += _rows(workers, name, batch_size, measures, device)
                if why := refusal(precision_of(name, device), masked, predictions, reference, measures):
                    refused.setdefault(name, why)
    result.rows += [Row(name, precision_of(name, device), {}, "share", [], failed=why) for name, why in failed.items()]
    result.params["refused"] = refused | failed
    result.gate = "; ".join(f"{name}: {why}" for name, why in blocking(refused, device).items()) or None
    return result


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
    lost, error = _lost(masked, predictions, reference)
    if lost - error > MAX_ACCURACY_LOSS:
        return (
            f"it puts the right token first at {lost:.1%} ± {error:.1%} fewer of the masks, more than "
            f"{MAX_ACCURACY_LOSS:.0%}"
        )
    bound = MAX_SCORE_DIFFERENCE.get(precision)
    if bound is not None and not measures[_DIFFERENCE] <= bound:  # neither is NaN
        return f"a score differs by {measures[_DIFFERENCE]:.2g}, more than {bound}"
    return disagreement(precision, predictions, reference)


def _setups(options: SuiteOptions) -> dict[str, Setup]:
    names = [name for name in options.contenders if name not in _LEFT_OUT]
    if options.device.is_cpu:
        return {name: Setup(name, _THREADS) for name in names}
    setups = {name: Setup(name, 0, options.device) for name in names}
    return setups | {FP32_ON_CPU: Setup(FP32_ON_CPU)}


def _reference(workers: Workers, masked: Sequence[MaskedText], device: Device) -> list[Predictions]:
    name = REFERENCE if device.is_cpu else FP32_ON_CPU
    if name not in workers.loaded:
        raise click.ClickException(f"{name} failed: {workers.failed.get(name, 'it was left out')}")
    try:
        return _predict(workers, name, masked, 1)
    except ContenderError as error:
        raise click.ClickException(f"{name} failed: {error}") from error


def _predict(workers: Workers, name: str, masked: Sequence[MaskedText], batch_size: int) -> list[Predictions]:
    texts = [each.text for each in masked]
    starts = range(0, len(texts), _TEXTS_OF_A_CALL)
    predictions: list[Predictions] = []
    with progress(starts, name) as parts:
        for start in parts:
            part = texts[start : start + _TEXTS_OF_A_CALL]
            predictions += workers.call(name, "predictions", texts=part, batch_size=batch_size)
    return predictions


def _rows(workers: Workers, name: str, batch_size: int, measures: Measures, device: Device) -> list[Row]:
    precision, settings = precision_of(name, device), workers.settings[name]
    batch = {} if device.is_cpu else {"batch": batch_size}
    return [Row(name, precision, {"measure": each} | batch, "share", [measures[each]], settings) for each in measures]


def _difference(ours: Predictions, theirs: Predictions) -> float:
    """The largest difference of a score of a token."""
    scores, complete = dict(theirs), len(theirs) > len(ours)
    differences = [abs(score - scores.get(token, 0.0)) for token, score in ours if complete or token in scores]
    return float(np.max(differences)) if differences else 0.0


def _lost(
    masked: Sequence[MaskedText], predictions: Sequence[Predictions], reference: Sequence[Predictions]
) -> tuple[float, float]:
    """The net share of masks that only the reference predicts right, and two standard errors of it."""
    triples = zip(masked, predictions, reference, strict=True)
    lost = np.array([int(theirs[0][0] == each.label) - int(ours[0][0] == each.label) for each, ours, theirs in triples])
    return float(lost.mean()), float(2 * lost.std() / np.sqrt(lost.size))


command = suite_command("accuracy", measure, "Compare predictions with those of the checkpoint in PyTorch.")
