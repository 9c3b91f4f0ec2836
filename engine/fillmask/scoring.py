"""Probabilities of chosen tokens: a softmax over the whole vocabulary, given only where it is read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import FillMaskError


def softmax_at(logits: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give the softmax over the vocabulary, at some of its tokens.

    Args:
        logits: Of one mask, ``float32[V]``, finite or ``-inf``. They are overwritten: a fresh array of this size would
            cost more than the arithmetic.
        ids: Tokens to score, ``int64[k]``.

    Returns:
        Probabilities, ``float32[k]``. They do not sum to 1 unless ``ids`` names every token.

    Raises:
        FillMaskError: The largest logit is not a number.

    Source: ``softmax(dim=-1)`` of transformers' FillMaskPipeline. Subtracting the maximum first keeps ``exp``
    from overflowing; dividing, rather than subtracting a logarithm, keeps the last digits equal.
    """
    logits -= maximum_of(logits)
    exponentials = np.exp(logits, out=logits)
    scores: NDArray[np.float32] = exponentials[ids] / exponentials.sum()
    return scores


def maximum_of(logits: NDArray[np.float32]) -> np.float32:
    """The largest logit, which must be a number."""
    maximum: np.float32 = logits[logits.argmax()]  # as fast as max(), and cached since the selection
    if not math.isfinite(maximum):
        raise FillMaskError("the model gave logits that are not numbers (NaN or infinite); try another variant")
    return maximum
