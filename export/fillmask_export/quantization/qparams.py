"""Quantization parameters: how the floats of an activation map to the 256 integers of uint8.

``x ≈ (q - zero_point) · scale · size + centre``. One scale and one zero point hold for the whole tensor, as an integer
product needs. Each channel has a size and a centre, which are taken out of it beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask_export.quantization.activations import Sample

_ROWS = 2048  # rows on which clippings are compared
_CLIPPINGS = (1.0, 0.85, 0.7, 0.55)  # of the range; clipped extremes make the steps finer for all other values
_NEGATIVE_CLIPPINGS = (1.0, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class QuantParams:
    """The quantization parameters of an activation.

    Attributes:
        centre: ``float32[K]``, or None where no operator can take it up.
        size: ``float32[K]``, the reach of each channel relative to the mean of all channels.
        scale: One step, after centre and size are taken out.
        zero_point: The integer that stands for 0.
    """

    centre: NDArray[np.float32] | None
    size: NDArray[np.float32]
    scale: float
    zero_point: int

    def smooth(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take centre and size out of activations, ``float32[n, K]``."""
        return (rows if self.centre is None else rows - self.centre) / self.size

    def round(self, smoothed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Quantize and dequantize smoothed activations."""
        step = np.float32(self.scale)
        integers = np.clip(np.round(smoothed / step) + self.zero_point, 0, 255)
        rounded: NDArray[np.float32] = (integers - self.zero_point).astype(np.float32) * step
        return rounded


def choose_qparams(sample: Sample, weights: NDArray[np.float32], *, centred: bool, even: bool = False) -> QuantParams:
    """Choose the parameters that change the products with the weights least.

    Args:
        sample: The activation's values.
        weights: The weights of all its products, ``float32[K, N]``.
        centred: Whether a centre can be taken out; the range is then symmetric.
        even: Whether centre and size are taken out already.
    """
    centre, size = (None, np.ones_like(sample.low)) if even else centre_and_size(sample, centred=centred)
    neutral = QuantParams(centre, size, 1.0, 128)
    rows = neutral.smooth(sample.rows[:_ROWS])
    importance = np.square(weights).sum(axis=1) * np.square(size)
    bottom, top = -float(neutral.smooth(sample.low).min()), float(neutral.smooth(sample.high).max())
    steps = _symmetric(max(bottom, top)) if centred or even else _asymmetric(max(0.0, bottom), max(0.0, top))
    candidates = [QuantParams(centre, size, scale, zero_point) for scale, zero_point in steps]
    return min(
        candidates, key=lambda qparams: float((np.square(qparams.round(rows) - rows).mean(axis=0) * importance).sum())
    )


def centre_and_size(sample: Sample, *, centred: bool) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
    """The middle of each channel's range and its reach relative to the mean reach, ``float32[K]`` each.

    Args:
        sample: The activation's values.
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
