"""Weights to int8, so that no two neighbors overflow.

Without VNNI, x86 multiplies uint8 activations by int8 weights in pairs along K. It adds both products in a signed
16-bit number that saturates: 255 · (a + b) must not exceed 32,767. Of two neighbors in a column, positive weights may
therefore sum to at most 128, negative ones to at least -128. Seven-bit weights would be safe too, but most pairs do
not need them: with pair limits the rounding error is a third of theirs (MiniLM, mean KL 0.0010 instead of 0.0026).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fillmask_export.quantization.gptq import compensate, inverse_factor

_PAIR = 128  # largest sum of two neighbors of the same sign
_LARGEST = 127
_SHRINKS = (1.0, *np.linspace(0.7, 1.0, 7)[:-1])  # of two that are equally good, the first is taken
_DAMPING = 0.01
_SMALLEST = 2e-44  # this scale and 0.7 of it are more than 0 in float32
_BLOCK = 64
_CACHED = 2**16  # weights, rounded together

Weights = tuple[NDArray[np.int8], NDArray[np.float32]]
"""``(int8[K, N], scale float32[N])``."""


def round_to_nearest(weight: NDArray[np.float64]) -> Weights:
    """Round each weight by itself; each column gets the scale with the smallest squared error.

    Args:
        weight: ``float64[K, N]``.
    """
    parts = [_round_columns(some) for some in _blocks(weight)]
    return np.concatenate([part[0] for part in parts], axis=1), np.concatenate([part[1] for part in parts])


def _blocks(weight: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Columns that stay in the CPU's cache together: 16,384 tokens of MiniLM's table take 0.23 s of CPU, not 1.60."""
    return np.array_split(weight, max(1, min(weight.size // _CACHED, weight.shape[1] // 2)), axis=1)


def _round_columns(weight: NDArray[np.float64]) -> Weights:
    base = _safe_scale(weight)
    best, error = base, np.full(len(base), np.inf)
    for shrink in _SHRINKS:
        tried = _round(weight, base * shrink)
        tried *= base
        tried *= shrink
        tried -= weight
        found = np.square(tried, out=tried).sum(axis=0)
        better = found < error
        best, error = np.where(better, base * shrink, best), np.where(better, found, error)
    return _round(weight, best).astype(np.int8), best.astype(np.float32)


def round_gptq(weight: NDArray[np.float64], rows: NDArray[np.float32]) -> Weights:
    """Round one row of weights after the other with GPTQ; pairs are kept safe while rounding.

    Args:
        weight: ``float64[K, N]``.
        rows: Activations that multiply it, ``float32[n, K]``, n well above K.
    """
    scale = round_to_nearest(weight)[1].astype(np.float64)
    rounded = np.zeros_like(weight)

    def round_row(row: int, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        integers = np.clip(np.round(values / scale), -_LARGEST, _LARGEST)
        rounded[row] = _keep_pair(integers, rounded[row - 1]) if row % 2 else integers
        return np.asarray(rounded[row] * scale)

    compensate(weight.copy(), inverse_factor(rows.astype(np.float64), _DAMPING), round_row, block=_BLOCK)
    return rounded.astype(np.int8), scale.astype(np.float32)


def _keep_pair(second: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Clip the second row of a pair to what the first row leaves; a first row of the other sign leaves all."""
    return np.maximum(np.minimum(second, _PAIR - first), -_PAIR - first)


def _safe_scale(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scale of each column at which no pair needs clipping."""
    pairs = np.concatenate([weight, np.zeros((len(weight) % 2, weight.shape[1]))]).reshape(-1, 2, weight.shape[1])
    sums = [np.clip(sign * pairs, 0, None).sum(axis=1).max(axis=0) / _PAIR for sign in (1, -1)]
    scale = np.max([*sums, np.abs(weight).max(axis=0) / _LARGEST], axis=0)
    # Columns of zeros, and of weights whose steps float32 does not hold, become zeros.
    return np.where(scale > _SMALLEST, scale, 1.0)


def _round(weight: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded = weight / scale
    np.clip(np.round(rounded, out=rounded), -_LARGEST, _LARGEST, out=rounded)
    rounded[1::2] = _keep_pair(rounded[1::2], rounded[: len(rounded) - 1 : 2])
    return rounded
