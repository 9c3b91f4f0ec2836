"""The grid of an activation: how its floats map to the 256 integers of uint8.

``x ≈ (q - zero_point) · scale · size + centre``, with one scale and one zero point for the whole tensor, which is what
a product of integers needs, and a size and a centre for each channel, which are taken out of it beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask_export.quantization.sites import Sample

_TRIED = 2048  # rows on which clippings are tried
_CLIPPINGS = (1.0, 0.85, 0.7, 0.55)  # of the range: giving up the extremes makes the steps finer for all others
_NEGATIVE_CLIPPINGS = (1.0, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class Grid:
    """How an activation is quantized.

    Attributes:
        centre: ``float32[K]``, or None where nothing can take it up.
        size: ``float32[K]``, the usual size of each channel relative to the mean of all.
        scale: One step, after centre and size are taken out.
        zero_point: The integer of 0.
    """

    centre: NDArray[np.float32] | None
    size: NDArray[np.float32]
    scale: float
    zero_point: int

    def smooth(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take centre and size out of activations, ``float32[n, K]``."""
        return (rows if self.centre is None else rows - self.centre) / self.size

    def round(self, smoothed: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values that smoothed activations have once they were integers."""
        step = np.float32(self.scale)
        integers = np.clip(np.round(smoothed / step) + self.zero_point, 0, 255)
        rounded: NDArray[np.float32] = (integers - self.zero_point).astype(np.float32) * step
        return rounded


def choose_grid(sample: Sample, weights: NDArray[np.float32], *, centred: bool, even: bool = False) -> Grid:
    """Choose the grid that changes the products with the weights least.

    Args:
        sample: The activation.
        weights: All that it is multiplied with, ``float32[K, N]``.
        centred: Whether a centre can be taken out; the range is then symmetric.
        even: Whether centre and size have been taken out already.
    """
    centre, size = (None, np.ones_like(sample.low)) if even else centre_and_size(sample, centred=centred)
    neutral = Grid(centre, size, 1.0, 128)
    rows = neutral.smooth(sample.rows[:_TRIED])
    importance = np.square(weights).sum(axis=1) * np.square(size)
    bottom, top = -float(neutral.smooth(sample.low).min()), float(neutral.smooth(sample.high).max())
    steps = _symmetric(max(bottom, top)) if centred or even else _asymmetric(max(0.0, bottom), max(0.0, top))
    grids = [Grid(centre, size, scale, zero_point) for scale, zero_point in steps]
    return min(grids, key=lambda grid: float((np.square(grid.round(rows) - rows).mean(axis=0) * importance).sum()))


def centre_and_size(sample: Sample, *, centred: bool) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
    """What to take out of each channel, ``float32[K]`` each: the middle of its range, and its reach.

    Args:
        sample: The activation.
        centred: Whether a centre can be taken out.
    """
    centre = ((sample.high + sample.low) / 2).astype(np.float32) if centred else None
    reach = (sample.high - sample.low) / 2 if centred else np.maximum(np.abs(sample.low), np.abs(sample.high))
    reach = np.maximum(reach, max(1e-3 * float(reach.max()), 1e-12))
    return centre, (reach / reach.mean()).astype(np.float32)


def _symmetric(top: float) -> list[tuple[float, int]]:
    return [(max(top, 1e-12) * clipping / 127, 128) for clipping in _CLIPPINGS]


def _asymmetric(bottom: float, top: float) -> list[tuple[float, int]]:
    ranges = [(bottom * low, top * high) for high in _CLIPPINGS for low in _NEGATIVE_CLIPPINGS]
    scales = [(low, max(low + high, 1e-12) / 255) for low, high in ranges]
    return [(scale, round(low / scale)) for low, scale in scales]
