"""Distributions of logits, and how far one is from another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Distribution(NamedTuple):
    """The distributions of rows of logits over a vocabulary.

    Attributes:
        p: Probabilities, ``float64[n, V]``.
        log_p: Their logarithms, ``float64[n, V]``.
    """

    p: NDArray[np.float64]
    log_p: NDArray[np.float64]


def softmax(logits: NDArray[np.float32]) -> Distribution:
    """The distribution of each row of logits, ``float32[n, V]``; of NaN where a logit is not finite."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=-1, keepdims=True)
    return Distribution(exponentials / total, shifted - np.log(total))


def kl_divergence(reference: Distribution, other: Distribution) -> NDArray[np.float64]:
    """The Kullback-Leibler divergence of each row from the reference, ``float64[n]``, in nats."""
    divergence: NDArray[np.float64] = (reference.p * (reference.log_p - other.log_p)).sum(axis=-1)
    return divergence
