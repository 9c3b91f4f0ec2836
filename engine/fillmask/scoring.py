"""Probabilities of chosen tokens: a softmax over the whole vocabulary, computed only where it is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def softmax_at(logits: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give the softmax over the vocabulary, at some of its tokens.

    Args:
        logits: One row a mask, ``float32[m, V]``, finite or ``-inf``.
        ids: Tokens to score, ``int64[m, k]``.

    Returns:
        Probabilities, ``float32[m, k]``. They do not sum to 1 unless ``ids`` names every token.

    Source: ``softmax(dim=-1)`` of transformers' FillMaskPipeline. Subtracting the maximum first keeps ``exp``
    from overflowing; dividing, rather than subtracting a logarithm, keeps the last digits equal.
    """
    maximum = logits.max(axis=-1, keepdims=True, initial=-np.inf)
    denominator = np.exp(logits - maximum).sum(axis=-1, keepdims=True)
    scores: NDArray[np.float32] = np.exp(np.take_along_axis(logits, ids, axis=-1) - maximum) / denominator
    return scores
