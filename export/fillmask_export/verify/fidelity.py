"""How close a variant's logits are to the checkpoint's, over masked texts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fillmask.runtime.session import Session
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.probes import Probe
from fillmask_export.verify.forward import Forward, checkpoint_forward, session_forward

# As a logit: its probability is 0 in float64, its logarithm finite.
_RULED_OUT = -1e4


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


def measure_graph(graph: Path, checkpoint: Checkpoint, probes: list[Probe]) -> Fidelity:
    """Run a variant's graph and its checkpoint over the same masks."""
    return measure(probes, checkpoint_forward(checkpoint), session_forward(Session(graph)))


def mean_kl_of_others(graph: Path, checkpoint: Checkpoint, probes: list[Probe]) -> float:
    """Mean KL divergence over the tokens other than the labels, in nats.

    At a token that is not masked nearly all probability is on the token itself, and hides the rest.
    """
    forwards = (checkpoint_forward(checkpoint), session_forward(Session(graph)))
    return measure(probes, *(_without_labels(forward) for forward in forwards)).mean_kl


def _without_labels(forward: Forward) -> Forward:
    def others(probe: Probe) -> NDArray[np.float32]:
        logits = forward(probe).copy()
        logits[range(probe.labels.size), probe.labels] = _RULED_OUT
        return logits

    return others


def count_not_finite(graph: Path, probes: list[Probe]) -> int:
    """Number of masks at which a graph gives NaN or infinity."""
    forward = session_forward(Session(graph))
    return sum(int((~np.isfinite(forward(probe))).any(axis=-1).sum()) for probe in probes)


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
    with np.errstate(all="ignore"):  # infinite logits are counted below
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
