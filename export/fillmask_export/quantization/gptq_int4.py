"""Weights to 4 bits in blocks, each with a scale and a zero point.

Sixteen steps a block are coarse. The range of each block is therefore searched for, and channels are rounded with GPTQ
on the activations of the LM head. The table is looked up too, so that its own error counts as well. On MiniLM the mean
KL of the table alone is 0.0045. Rounding to the nearest step costs 0.0136, with a searched range 0.0078, and GPTQ for
the head's products alone 0.0058.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask_export.quantization.gptq import compensate, inverse_factor

BLOCK = 32
_STEPS = 15
_SHRINKS = np.linspace(0.7, 1.0, 5, dtype=np.float32)
_DAMPING = 0.01
_LOOKED_UP = 0.3  # weight of an embedding's error, relative to an error of the products
_ROWS = 16384  # of the table, rounded together; more would take more memory


class Nibbles(NamedTuple):
    """A table ``float32[V, H]`` in 4 bits; a weight is ``(integer - zero_point) * scale``.

    Attributes:
        integers: ``uint8[V, H / 32, 32]``, each from 0 to 15.
        zero_points: ``uint8[V, H / 32]``, each from 0 to 15.
        scales: ``float32[V, H / 32]``.
    """

    integers: NDArray[np.uint8]
    zero_points: NDArray[np.uint8]
    scales: NDArray[np.float32]

    def floats(self) -> NDArray[np.float32]:
        """The table after rounding, ``float32[V, H]``."""
        steps = self.integers.astype(np.float32) - self.zero_points[..., None]
        return np.asarray(steps * self.scales[..., None], dtype=np.float32).reshape(len(steps), -1)


def round_table(table: NDArray[np.float32], rows: NDArray[np.float32]) -> Nibbles:
    """Round a table that both the embeddings and the LM head read.

    Args:
        table: ``float32[V, H]``; 32 divides H.
        rows: Activations of the LM head on real text, ``float32[n, H]``.
    """
    upper = inverse_factor(rows.astype(np.float64), _LOOKED_UP + _DAMPING).astype(np.float32)
    parts = [_round_rows(table[start : start + _ROWS], upper) for start in range(0, len(table), _ROWS)]
    return Nibbles(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _round_rows(table: NDArray[np.float32], upper: NDArray[np.float32]) -> Nibbles:
    blocks = table.reshape(len(table), -1, BLOCK)
    scales, zero_points = find_scales(blocks)
    integers = np.zeros(blocks.shape, dtype=np.uint8)

    def round_channel(channel: int, values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        block, place = divmod(channel, BLOCK)
        scale, zero_point = scales[:, block], zero_points[:, block]
        rounded = _nearest(values, scale, zero_point)
        integers[:, block, place] = rounded
        return (rounded - zero_point) * scale

    compensate(table.T.copy(), upper, round_channel, block=BLOCK)
    return Nibbles(integers, zero_points.astype(np.uint8), scales)


def find_scales(blocks: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The scale and zero point of each block with the smallest squared error.

    Args:
        blocks: ``float32[V, n, 32]``.

    Returns:
        Scales and zero points, whole numbers from 0 to 15, both ``float32[V, n]``; 0 is kept exactly.
    """
    low, high = np.minimum(blocks.min(axis=2), 0), np.maximum(blocks.max(axis=2), 0)
    best = [np.ones_like(low), np.zeros_like(low), np.full_like(low, np.inf)]
    for below in _SHRINKS:
        for above in _SHRINKS:
            scale = (high * above - low * below) / _STEPS
            scale = np.where(scale > 0, scale, 1).astype(np.float32)
            zero_point = np.clip(np.round(-low * below / scale), 0, _STEPS)
            rounded = _nearest(blocks, scale[..., None], zero_point[..., None])
            error = np.square((rounded - zero_point[..., None]) * scale[..., None] - blocks).sum(axis=2)
            better = error < best[2]
            best = [np.where(better, new, old) for new, old in zip((scale, zero_point, error), best, strict=True)]
    return best[0], best[1]


def _nearest(
    weights: NDArray[np.floating[Any]], scale: NDArray[np.float32], zero_point: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.asarray(np.clip(np.round(weights / scale + zero_point), 0, _STEPS))
