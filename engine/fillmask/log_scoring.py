"""Logarithms of probabilities, for verbs that add them up: float64, where ``scoring`` is float32 as transformers is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fillmask.scoring import maximum_of


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
    maximum = maximum_of(logits)
    chosen = logits[ids].astype(np.float64) - np.float64(maximum)
    logits -= maximum
    total = np.exp(logits, out=logits).sum(dtype=np.float64)
    log_probs: NDArray[np.float64] = chosen - np.log(total)
    return log_probs
