"""Rows of token ids to one array, the shorter rows padded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The attention mask of a row alone is a view of this array, which saves 1 % of a call.
_ONES = np.ones((1, 512), dtype=np.int64)
_ONES.flags.writeable = False


def pad(rows: Sequence[NDArray[np.int64]], pad_token_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stack rows of token ids to the length of the longest.

    Args:
        rows: ``int64[s]`` each.
        pad_token_id: What fills a shorter row, on the right.

    Returns:
        ``input_ids int64[b, s]`` and ``attention_mask int64[b, s]``, 1 for a token and 0 for padding.
    """
    if len(rows) == 1:
        size = rows[0].size
        return rows[0][None], _ONES[:, :size] if size <= _ONES.size else np.ones((1, size), dtype=np.int64)
    lengths = [row.size for row in rows]
    input_ids = np.full((len(rows), max(lengths)), pad_token_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    for index, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        input_ids[index, :length] = row
        attention_mask[index, :length] = 1
    return input_ids, attention_mask
