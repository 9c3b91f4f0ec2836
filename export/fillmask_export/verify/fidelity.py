"""How close a variant's logits are to the checkpoint's, over masked texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fillmask.cli.bar import track
from fillmask.selection import top_k
from fillmask_export.divergence import kl_divergence, softmax
from fillmask_export.in_order import map_in_order
from fillmask_export.probes import Probe
from fillmask_export.verify.forward import Forward
from fillmask_export.verify.reference import Expected

_FEW = 5  # tokens of a mask whose agreement is counted

# As a logit: its probability is 0 in float64, its logarithm finite.
_RULED_OUT = -1e4

_Columns = dict[str, NDArray[np.float64]]
"""Figures by name, ``float64[m]``: one value for each mask of a text."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A variant compared with its checkpoint over the same masks.

    Attributes:
        masks: Number of masks.
        max_score_difference: Largest difference of a probability, over all tokens and masks.
        top_1_agreement: Share of masks at which both have the same top-1 token.
        top_5_agreement: Mean share of the checkpoint's top-5 tokens that are in the variant's top 5.
        mean_kl: Mean Kullback-Leibler divergence of the variant from the checkpoint, in nats.
        accuracy: Share of masks at which the variant's top-1 token is the masked one.
        checkpoint_accuracy: The same for the checkpoint.
        not_finite: Number of masks at which the variant gave NaN or infinity.
    """

    masks: int
    max_score_difference: float
    top_1_agreement: float
    top_5_agreement: float
    mean_kl: float
    accuracy: float
    checkpoint_accuracy: float
    not_finite: int


def measure_forward(forward: Forward, expected: Expected, what: str) -> Fidelity:
    """Run a variant over texts and compare it with its checkpoint.

    Args:
        forward: The variant.
        expected: The texts, and the checkpoint's logits.
        what: The step, in words, for the progress.
    """

    def compare(pair: tuple[Probe, NDArray[np.float32]]) -> _Columns:
        return _compare(pair[0].labels, pair[1], forward(pair[0]))

    return _summarize(map_in_order(compare, zip(track(expected.probes, what), expected.logits, strict=True)))


def mean_kl_of_others(forward: Forward, expected: Expected) -> float:
    """Mean KL divergence over the tokens other than the labels, in nats.

    At a token that is not masked nearly all probability is on the token itself, and hides the rest.
    """

    def compare(pair: tuple[Probe, NDArray[np.float32]]) -> _Columns:
        reference, found = (_without_labels(pair[0], logits) for logits in (pair[1], forward(pair[0])))
        return _compare(pair[0].labels, reference, found)

    return _summarize(map_in_order(compare, zip(expected.probes, expected.logits, strict=True))).mean_kl


def _without_labels(probe: Probe, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    others = logits.copy()
    others[range(probe.labels.size), probe.labels] = _RULED_OUT
    return others


def count_not_finite(forward: Forward, probes: list[Probe]) -> int:
    """Number of masks at which a variant gives NaN or infinity."""

    def count(probe: Probe) -> int:
        return int((~np.isfinite(forward(probe))).any(axis=-1).sum())

    return sum(map_in_order(count, probes))


def measure(
    probes: list[Probe], checkpoint: Iterable[NDArray[np.float32]], variant: Iterable[NDArray[np.float32]]
) -> Fidelity:
    """Compare the logits of a variant, ``float32[m, V]`` for each text, with those of its checkpoint."""
    pairs = zip(probes, checkpoint, variant, strict=True)
    return _summarize(_compare(probe.labels, reference, found) for probe, reference, found in pairs)


def _summarize(texts: Iterable[_Columns]) -> Fidelity:
    rows = list(texts)
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    means = {name: float(columns[name].mean()) for name in columns}
    means["max_score_difference"] = float(columns["max_score_difference"].max())
    whole = {"masks": columns["mean_kl"].size, "not_finite": int(columns["not_finite"].sum())}
    return Fidelity(**{field.name: (means | whole)[field.name] for field in fields(Fidelity)})  # type: ignore[arg-type]


def _compare(labels: NDArray[np.int64], reference: NDArray[np.float32], variant: NDArray[np.float32]) -> _Columns:
    """Compare the logits of a text, one value for each mask."""
    with np.errstate(all="ignore"):  # infinite logits are counted below
        expected, found = softmax(reference), softmax(variant)
        divergence = kl_divergence(expected, found)
        difference = np.abs(expected.p - found.p).max(axis=-1)
    best_p, best_q = _best(reference), _best(variant)
    shared = (best_p[:, :, None] == best_q[:, None, :]).any(axis=2)
    return {
        "max_score_difference": difference,
        "top_1_agreement": (best_p[:, 0] == best_q[:, 0]).astype(np.float64),
        "top_5_agreement": shared.mean(axis=1),
        "mean_kl": divergence,
        "accuracy": (best_q[:, 0] == labels).astype(np.float64),
        "checkpoint_accuracy": (best_p[:, 0] == labels).astype(np.float64),
        "not_finite": (~np.isfinite(variant)).any(axis=-1).astype(np.float64),
    }


def _best(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """The ids of the five highest logits at each mask, ``int64[m, 5]``."""
    return np.stack([top_k(row.copy(), min(_FEW, row.size)) for row in logits])
