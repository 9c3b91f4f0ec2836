"""Weights to int8, so that two neighbours never overflow.

Without VNNI, x86 multiplies uint8 activations with int8 weights in pairs along K and adds both products in a signed
16-bit number, saturating: 255 · (a + b) must not exceed 32,767. So of two neighbours in a column the positive ones may
sum to at most 128, the negative ones to at least -128. Seven-bit weights would be safe too, but most pairs do not need
it: the rounding error of weights that only keep to the sums is a third of theirs (MiniLM, mean KL 0.0010 for 0.0026).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PAIR = 128  # what two neighbours of the same sign may sum to
_LARGEST = 127
_SHRINKS = np.linspace(0.7, 1.0, 7)
_DAMPING = 0.01
_SMALLEST = 2e-44  # a scale that is more than 0 in float32, and so is 0.7 of it
_BLOCK = 64  # rows whose errors are passed on together

Weights = tuple[NDArray[np.int8], NDArray[np.float32]]
"""``(int8[K, N], scale float32[N])``."""


def round_to_nearest(weight: NDArray[np.float64]) -> Weights:
    """Round each weight by itself; each column has the scale that changes it least.

    Args:
        weight: ``float64[K, N]``.
    """
    base = _safe_scale(weight)
    best, best_scale = _round(weight, base), base
    error = np.square(best * base - weight).sum(axis=0)
    for shrink in _SHRINKS[:-1]:
        rounded = _round(weight, base * shrink)
        tried = np.square(rounded * base * shrink - weight).sum(axis=0)
        better = tried < error
        best[:, better], best_scale = rounded[:, better], np.where(better, base * shrink, best_scale)
        error = np.minimum(error, tried)
    return best.astype(np.int8), best_scale.astype(np.float32)


def round_in_turn(weight: NDArray[np.float64], rows: NDArray[np.float32]) -> Weights:
    """Round one row of weights after the other; rows to come make up for the error of a product made so far.

    Args:
        weight: ``float64[K, N]``.
        rows: Activations that it is multiplied with, ``float32[n, K]``, n well above K.

    Source: GPTQ (Frantar et al. 2022), with the pairs kept safe while rounding.
    """
    channels = len(weight)
    scale = round_to_nearest(weight)[1].astype(np.float64)
    upper = _inverse_factor(rows.astype(np.float64))
    left = weight.copy()
    rounded = np.zeros_like(weight)
    for start in range(0, channels, _BLOCK):
        stop = min(start + _BLOCK, channels)
        errors = np.zeros((stop - start, weight.shape[1]))
        for row in range(start, stop):
            rounded[row] = _keep_pair(np.clip(np.round(left[row] / scale), -_LARGEST, _LARGEST), rounded, row)
            errors[row - start] = (left[row] - rounded[row] * scale) / upper[row, row]
            left[row + 1 : stop] -= upper[row, row + 1 : stop, None] * errors[row - start]
        left[stop:] -= upper[start:stop, stop:].T @ errors
    return rounded.astype(np.int8), scale.astype(np.float32)


def _inverse_factor(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upper Cholesky factor of the inverse of the activations' second moments."""
    moments = rows.T @ rows / len(rows)
    diagonal = np.arange(len(moments))
    moments[diagonal, diagonal] += max(_DAMPING * float(np.trace(moments)) / len(moments), 1e-12)
    factor: NDArray[np.float64] = np.linalg.cholesky(np.linalg.inv(moments)).T
    return factor


def _keep_pair(row: NDArray[np.float64], rounded: NDArray[np.float64], index: int) -> NDArray[np.float64]:
    """Cut the second row of a pair to what the first one leaves it."""
    if index % 2 == 0:
        return row
    first = rounded[index - 1]
    row = np.where(first > 0, np.minimum(row, _PAIR - first), row)
    return np.where(first < 0, np.maximum(row, -_PAIR - first), row)


def _safe_scale(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scale of each column at which no pair needs cutting."""
    pairs = np.concatenate([weight, np.zeros((len(weight) % 2, weight.shape[1]))]).reshape(-1, 2, weight.shape[1])
    sums = [np.clip(sign * pairs, 0, None).sum(axis=1).max(axis=0) / _PAIR for sign in (1, -1)]
    scale = np.max([*sums, np.abs(weight).max(axis=0) / _LARGEST], axis=0)
    # Columns of zeros, and of weights whose steps float32 does not hold, become zeros.
    return np.where(scale > _SMALLEST, scale, 1.0)


def _round(weight: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded = np.clip(np.round(weight / scale), -_LARGEST, _LARGEST)
    for row in range(1, len(rounded), 2):
        rounded[row] = _keep_pair(rounded[row], rounded, row)
    return rounded
