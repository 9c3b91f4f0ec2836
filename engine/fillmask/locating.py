"""Where the masks are: positions from input_ids, never from the text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def locate(input_ids: NDArray[np.int64], mask_token_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the masks of each row.

    Args:
        input_ids: Token ids, ``int64[b, s]``.
        mask_token_id: The model's mask token.

    Returns:
        ``(positions int64[b, m], counts int64[b])``: the masks of row ``i``, left to right, are
        ``positions[i, :counts[i]]``; ``m`` is the largest count and the rest of a row is 0, a position that
        always exists.
    """
    is_mask = input_ids == mask_token_id
    if len(is_mask) == 1:
        positions = is_mask.nonzero()[1][None]
        return positions, np.array([positions.size], dtype=np.int64)
    counts = is_mask.sum(axis=1)
    positions = np.zeros((len(input_ids), counts.max(initial=0)), dtype=np.int64)
    for row, masks in enumerate(is_mask):
        positions[row, : counts[row]] = np.flatnonzero(masks)
    return positions, counts
