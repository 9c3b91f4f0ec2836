"""Means with their 95 % intervals, by percentile bootstrap.

Whole texts are drawn, since the tokens of one are not independent of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DRAWS = 2000
_AT_ONCE = 100  # draws of one array, which keeps it small
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean.

    Attributes:
        value: Over everything that was asked.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n: What it is the mean of: masks, facts, words or pairs.
    """

    value: float
    low: float
    high: float
    n: int


def mean(groups: Sequence[Values], seed: int = 0) -> Estimate:
    """The mean of all values; what is drawn again are the groups.

    Args:
        groups: ``float64[m]`` each, the values of one text.
        seed: Of the draws.
    """
    sums, counts = (np.array([each(group) for group in groups], dtype=np.float64) for each in (np.sum, np.size))
    drawn = _resample(sums, counts, seed)
    return _estimate(float(sums.sum() / counts.sum()), drawn, int(counts.sum()))


def mean_of_means(strata: Sequence[Values], seed: int = 0) -> Estimate:
    """The mean of the means of strata, such as relations; values are drawn again inside each.

    Args:
        strata: ``float64[n]`` each.
        seed: Of the draws.
    """
    drawn = np.mean([_resample(each, np.ones_like(each), seed + index) for index, each in enumerate(strata)], axis=0)
    return _estimate(float(np.mean([each.mean() for each in strata])), drawn, sum(each.size for each in strata))


def exponential(estimate: Estimate) -> Estimate:
    """The perplexity of a mean negative log-likelihood."""
    low, value, high = (float(np.exp(each)) for each in (estimate.low, estimate.value, estimate.high))
    return Estimate(value, low, high, estimate.n)


def _resample(sums: Values, counts: Values, seed: int) -> Values:
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS // _AT_ONCE):
        index = rng.integers(sums.size, size=(_AT_ONCE, sums.size))
        drawn.append(sums[index].sum(axis=1) / counts[index].sum(axis=1))
    return np.concatenate(drawn)


def _estimate(value: float, drawn: Values, n: int) -> Estimate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n)


def rounded(found: Any) -> Any:  # noqa: ANN401 -- JSON
    """Estimates as lists ``value, low, high, n`` of four significant decimals, in a tree of dicts."""
    if isinstance(found, Estimate):
        return [round(found.value, 4), round(found.low, 4), round(found.high, 4), found.n]
    return {key: rounded(each) for key, each in found.items()} if isinstance(found, dict) else found
