"""Summaries of the times of a setup: a value for each round, and percentiles of the calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fillmask.bench.rounds import Samples
from fillmask.bench.setups import Cell, Setup

_LEAST_FOR_P90 = 64  # calls; with fewer the interval of a p90 reaches to the slowest of them


def by_round(samples: Samples, setup: Setup, tokens: Sequence[int], *, again: bool = False) -> NDArray[np.float64]:
    """Seconds per text in each round, ``float64[r]``: the geometric mean over lengths of the medians of blocks."""
    blocks = [samples[Cell(setup, length, again)] for length in tokens]
    medians = np.array([[np.median(block) for block in rounds] for rounds in blocks])
    means: NDArray[np.float64] = np.exp(np.log(medians).mean(axis=0))
    return means


def percentiles(samples: Samples, cell: Cell) -> tuple[float, float | None]:
    """The p50 and p90 of the calls in seconds; None for a p90 of fewer than 64 calls."""
    calls = np.concatenate([np.array(block) for block in samples[cell]])
    p90 = float(np.percentile(calls, 90)) if calls.size >= _LEAST_FOR_P90 else None
    return float(np.median(calls)), p90
