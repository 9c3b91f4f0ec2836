"""Percentiles, and ratios of rounds with the interval that the rounds leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

_RESAMPLES = 10_000
_DOUBT = 0.01

Claim = Literal["faster", "slower", "none"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval: 0.05 is five percent of a ratio near 1."""
        return (self.high - self.low) / 2


def percentile(values: Sequence[float], q: float) -> float:
    """The ``q``-th percentile, ``0 <= q <= 100``, interpolated between neighbours.

    Raises:
        ValueError: There are no values, or q is no percentage.
    """
    if not len(values):
        raise ValueError("a percentile of no values was asked for; give at least one")
    return float(np.percentile(values, q))


def enough_for(q: float, n: int) -> bool:
    """Whether ``n`` calls tell the ``q``-th percentile: 11 for p50, 64 for p90, 662 for p99.

    Fewer leave more than a hundredth of doubt that two of them lie above it.
    """
    above = 1 - q / 100
    at_most_one = (1 - above) ** n + n * above * (1 - above) ** (n - 1)
    return n > 0 and at_most_one <= _DOUBT


def ratio(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Ratio:
    """The median of ``ours / theirs``, round by round.

    What slows a round slows both its sides. The interval resamples rounds, not calls: the calls of a round are alike.

    Args:
        ours: One value a round.
        theirs: The other's in the same rounds.
        seed: Of the bootstrap.

    Raises:
        ValueError: The rounds are not the same ones, or there are none, or a value is not above 0.
    """
    if len(ours) != len(theirs) or not len(ours):
        raise ValueError(f"a ratio needs the same rounds on both sides, got {len(ours)} and {len(theirs)}")
    if min(*ours, *theirs) <= 0:
        raise ValueError("a ratio needs values above 0 on both sides")
    rounds = np.asarray(ours, dtype=np.float64) / np.asarray(theirs, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(len(rounds), size=(_RESAMPLES, len(rounds)))
    low, high = np.percentile(np.median(rounds[drawn], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(rounds)), float(low), float(high))


def claim(found: Ratio, control: Ratio, *, more_is_better: bool = True) -> Claim:
    """What a ratio lets one say: nothing unless it lies off 1 and outside what the control shows of noise.

    Args:
        found: Ours over theirs.
        control: The ratio of a contender to itself, entered twice.
        more_is_better: Whether a ratio above 1 is the better one, as of speeds; of times, below 1 is.
    """
    noise = max(1.0, control.high, 1 / control.low)  # which of the two was the other's double does not matter
    if found.low > noise:
        return "faster" if more_is_better else "slower"
    if found.high < 1 / noise:
        return "slower" if more_is_better else "faster"
    return "none"
