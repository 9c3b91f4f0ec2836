"""Means with 95 % intervals, by percentile bootstrap over texts: the tokens of one text are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
Values = NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean, the ends of its 95 % interval, and the number of values: masks, facts, words or pairs."""

    value: float
    low: float
    high: float
    n: int


def mean(groups: Sequence[Values]) -> Estimate:
    """The mean of all values; the bootstrap resamples groups, ``float64[m]`` each, the values of one text."""
    sums, counts = np.array([each.sum() for each in groups]), np.array([each.size for each in groups])
    return _estimate(sums.sum() / counts.sum(), _resampled_means(sums, counts, 0), int(counts.sum()))


def mean_of_means(strata: Sequence[Values]) -> Estimate:
    """The mean of the means of strata, such as relations; the bootstrap resamples values inside each stratum."""
    means = [_resampled_means(each, np.ones(each.size), index) for index, each in enumerate(strata)]
    value = np.mean([each.mean() for each in strata])
    return _estimate(value, np.mean(means, axis=0), sum(each.size for each in strata))


def exponential(estimate: Estimate) -> Estimate:
    """The perplexity of a mean negative log-likelihood."""
    value, low, high = (float(np.exp(each)) for each in estimate[:3])
    return Estimate(value, low, high, estimate.n)


def rounded(found: Any) -> Any:  # noqa: ANN401 -- JSON
    """A tree of dicts whose estimates became lists ``[value, low, high, n]`` with four decimals."""
    if isinstance(found, Estimate):
        return [*(round(each, 4) for each in found[:3]), found.n]
    return {key: rounded(each) for key, each in found.items()} if isinstance(found, dict) else found


def _resampled_means(sums: Values, counts: NDArray[Any], seed: int) -> Values:
    drawn = np.random.default_rng(seed).integers(sums.size, size=(_RESAMPLES, sums.size))
    means: Values = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means


def _estimate(value: np.floating[Any], resampled: Values, n: int) -> Estimate:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high), n)
