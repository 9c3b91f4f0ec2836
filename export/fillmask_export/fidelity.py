"""How close a variant's answers are to the checkpoint's, over masked texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fillmask_export.probes import Probe

Forward = Callable[[Probe], NDArray[np.float32]]
"""Gives a probe's logits, ``float32[m, V]``."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A variant beside its checkpoint, both over the same masks.

    Attributes:
        masks: How many.
        max_score_difference: The largest difference of a probability, of any token at any mask.
        top_1_agreement: Share of masks at which both put the same token first.
        top_5_agreement: Mean share of the checkpoint's first five that are among the variant's.
        mean_kl: Mean Kullback-Leibler divergence of the variant from the checkpoint, in nats.
        accuracy: Share of masks at which the variant puts the token first that stood there.
        checkpoint_accuracy: The same of the checkpoint.
        not_finite: Masks at which the variant gave NaN or infinity.
    """

    masks: int
    max_score_difference: float
    top_1_agreement: float
    top_5_agreement: float
    mean_kl: float
    accuracy: float
    checkpoint_accuracy: float
    not_finite: int


def measure(probes: list[Probe], checkpoint: Forward, variant: Forward) -> Fidelity:
    """Compare a variant with its checkpoint."""
    rows = [_compare(probe.labels, checkpoint(probe), variant(probe)) for probe in probes]
    masks = sum(probe.labels.size for probe in probes)
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    means = {name: float(columns[name].mean()) for name in columns}
    means["max_score_difference"] = float(columns["max_score_difference"].max())
    whole = {"masks": masks, "not_finite": int(columns["not_finite"].sum())}
    return Fidelity(**{field.name: (means | whole)[field.name] for field in fields(Fidelity)})  # type: ignore[arg-type]


def _compare(
    labels: NDArray[np.int64], reference: NDArray[np.float32], variant: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    with np.errstate(all="ignore"):  # infinite logits are counted below, not warned of
        log_p, log_q = _log_softmax(reference), _log_softmax(variant)
    best_p, best_q = (np.argsort(-logs, axis=-1, kind="stable")[:, :5] for logs in (log_p, log_q))
    shared = (best_p[:, :, None] == best_q[:, None, :]).any(axis=2)
    return {
        "max_score_difference": np.abs(np.exp(log_p) - np.exp(log_q)).max(axis=-1),
        "top_1_agreement": (best_p[:, 0] == best_q[:, 0]).astype(np.float64),
        "top_5_agreement": shared.mean(axis=1),
        "mean_kl": (np.exp(log_p) * (log_p - log_q)).sum(axis=-1),
        "accuracy": (best_q[:, 0] == labels).astype(np.float64),
        "checkpoint_accuracy": (best_p[:, 0] == labels).astype(np.float64),
        "not_finite": (~np.isfinite(variant)).any(axis=-1).astype(np.float64),
    }


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), dtype=np.float64)
