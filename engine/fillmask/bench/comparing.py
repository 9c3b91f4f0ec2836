"""How many times as fast one setup is as another, and whether this machine is quiet enough to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask.bench.rounds import Samples
from fillmask.bench.setups import Cell, Setup

_RESAMPLES = 10_000
_LEAST_FOR_P90 = 64  # calls; with fewer the interval of a p90 reaches to the slowest of them


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast, with the 95 % interval of a bootstrap over rounds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f}× [{self.low:.2f}, {self.high:.2f}]"

    def beyond(self, noise: Ratio) -> bool:
        """Whether it says something: the interval holds neither 1 nor any of what a setup beside itself gives."""
        return self.low > max(1.0, noise.high) or self.high < min(1.0, noise.low)


def ratio(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Ratio:
    """The median of the ratios of rounds.

    Args:
        ours: Seconds in each round, ``float64[r]``.
        theirs: Those of the other in the same rounds.
    """
    ratios = theirs / ours
    drawn = np.random.default_rng(0).integers(ratios.size, size=(_RESAMPLES, ratios.size))
    low, high = np.percentile(np.median(ratios[drawn], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def by_round(samples: Samples, setup: Setup, tokens: Sequence[int], *, again: bool = False) -> NDArray[np.float64]:
    """Seconds a text in each round, ``float64[r]``: the geometric mean over lengths of the medians of blocks."""
    blocks = [samples[Cell(setup, length, again)] for length in tokens]
    medians = np.array([[np.median(block) for block in rounds] for rounds in blocks])
    means: NDArray[np.float64] = np.exp(np.log(medians).mean(axis=0))
    return means


def percentiles(samples: Samples, cell: Cell) -> tuple[float, float | None]:
    """Seconds within which half and nine tenths of the calls end; None where there were too few calls to say."""
    calls = np.concatenate([np.array(block) for block in samples[cell]])
    p90 = float(np.percentile(calls, 90)) if calls.size >= _LEAST_FOR_P90 else None
    return float(np.median(calls)), p90
