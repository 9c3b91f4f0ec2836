"""Probabilities of chosen tokens: a softmax over the whole vocabulary, given only where it is read.

Probabilities that are shown alone are float32, as in transformers. Those that are added up are float64 logarithms.
"""

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
    logits -= _maximum(logits)
    exponentials = np.exp(logits, out=logits)
    scores: NDArray[np.float32] = exponentials[ids] / exponentials.sum()
    return scores


def log_softmax_at(logits: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the logarithm of the softmax over the vocabulary, at some of its tokens.

    Args:
        logits: Of one position, ``float32[V]``, finite or ``-inf``. They are overwritten, as by ``softmax_at``.
        ids: Tokens to score, ``int64[k]``.

    Returns:
        Natural logarithms of probabilities (nats), ``float64[k]``. A token with the logit ``-inf`` has ``-inf``.

    Raises:
        FillMaskError: The largest logit is not a number.

    Source: ``log p(t) = (l[t] - max l) - log(sum(exp(l - max l)))``. ``softmax_at`` loses digits below 1e-38 and gives
    0 below 1e-45; here a small probability keeps all the digits that its logit has. The exponentials are float32, their
    sum float64, and so the logarithm of the sum is off by at most 1e-7.
    """
    maximum = _maximum(logits)
    chosen = logits[ids].astype(np.float64) - np.float64(maximum)
    logits -= maximum
    total = np.exp(logits, out=logits).sum(dtype=np.float64)
    log_probs: NDArray[np.float64] = chosen - np.log(total)
    return log_probs


def _maximum(logits: NDArray[np.float32]) -> np.float32:
    maximum: np.float32 = logits.max()
    if not math.isfinite(maximum):
        raise FillMaskError("the model gave logits that are not numbers (NaN or infinite); try another variant")
    return maximum
