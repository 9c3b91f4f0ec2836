"""The k best tokens of a mask, in a fixed order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fillmask.shortcuts.top_k import top_k_unsorted


def top_k(logits: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Select the k highest logits of a mask.

    Args:
        logits: ``float32[V]``.
        k: How many, ``0 ≤ k ≤ V``.

    Returns:
        Token ids, ``int64[k]``, logits descending. Equal logits come by lower id; transformers leaves that order open.

    Example: ``top_k(np.float32([1, 3, 3, 2]), 3)`` is ``[1, 2, 3]``.
    """
    ids = top_k_unsorted(logits, k)
    return (-logits).argsort(kind="stable")[:k] if ids is None else ids
