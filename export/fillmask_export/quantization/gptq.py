"""Round a weight matrix row by row; the rows that follow make up for the error so far.

Source: GPTQ (Frantar et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def inverse_factor(rows: NDArray[np.float64], damping: float) -> NDArray[np.float64]:
    """The upper Cholesky factor of the inverse of the activations' second moments, ``float64[K, K]``.

    Args:
        rows: Activations, ``float64[n, K]``.
        damping: Added to the diagonal, as a multiple of its mean.
    """
    moments = rows.T @ rows / len(rows)
    diagonal = np.arange(len(moments))
    moments[diagonal, diagonal] += max(damping * float(np.trace(moments)) / len(moments), 1e-12)
    factor: NDArray[np.float64] = np.linalg.cholesky(np.linalg.inv(moments)).T
    return factor


def compensate(weight: Floats, upper: Floats, round_row: Callable[[int, Floats], Floats], *, block: int) -> None:
    """Round the rows of a weight matrix in order, and add each row's error to the rows that follow.

    Args:
        weight: ``float[K, N]``; it is changed.
        upper: The factor of ``inverse_factor``.
        round_row: Receives a row's index and its compensated values ``float[N]``, stores the integers, and returns the
            values that they stand for.
        block: Number of rows whose errors reach the rows behind the block in one product.
    """
    for start in range(0, len(weight), block):
        stop = min(start + block, len(weight))
        errors = np.zeros((stop - start, weight.shape[1]), dtype=weight.dtype)
        for row in range(start, stop):
            errors[row - start] = (weight[row] - round_row(row, weight[row])) / upper[row, row]
            weight[row + 1 : stop] -= upper[row, row + 1 : stop, None] * errors[row - start]
        weight[stop:] -= upper[start:stop, stop:].T @ errors
