"""Where the masks are: positions from input_ids, never from the text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def locate(input_ids: NDArray[np.int64], mask_token_id: int) -> NDArray[np.int64]:
    """Find the masks of a text.

    Args:
        input_ids: Token ids, ``int64[s]``.
        mask_token_id: The model's mask token.

    Returns:
        Positions of the masks from left to right, ``int64[m]``.
    """
    positions: NDArray[np.int64] = (input_ids == mask_token_id).nonzero()[0]
    return positions
