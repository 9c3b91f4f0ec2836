"""Ratios of paired rounds with the interval that a bootstrap over rounds gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 10_000
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio and its 95 % interval.

    A ratio of speeds says how many times as fast ours is: theirs over ours of times, ours over theirs of rates. A
    ratio of sizes is ours over theirs.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f}× [{self.low:.2f}, {self.high:.2f}]"

    @property
    def half_width(self) -> float:
        """Half of the interval's width: 0.05 is 5 % of a ratio near 1."""
        return (self.high - self.low) / 2

    def exceeds(self, control: Ratio) -> bool:
        """Whether the ratio is more than noise: its interval excludes 1 and the interval of the control.

        Args:
            control: The ratio of a contender to itself, timed twice. Which of the two came first is arbitrary, so the
                control's inverse counts as well.
        """
        noise = max(1.0, control.high, 1 / control.low)
        return self.low > noise or self.high < 1 / noise


def paired_ratio(numerators: Values, denominators: Values, seed: int = 0) -> Ratio:
    """The median of the ratios of paired rounds.

    What slows a round slows both sides of its ratio. The bootstrap resamples rounds, not calls: the calls of a round
    are alike.

    Args:
        numerators: One value a round, ``float64[r]``.
        denominators: The values of the same rounds, ``float64[r]``.
        seed: Of the bootstrap.

    Raises:
        ValueError: The rounds do not pair, there are none, or a value is not above 0.
    """
    above, below = (np.asarray(values, dtype=np.float64) for values in (numerators, denominators))
    if above.size != below.size or not above.size:
        raise ValueError(f"a ratio needs the same rounds on both sides, got {above.size} and {below.size}")
    if min(above.min(), below.min()) <= 0:
        raise ValueError("a ratio needs values above 0 on both sides")
    ratios = above / below
    return Ratio(float(np.median(ratios)), *median_interval(ratios, seed))


def speed_ratio(ours: Values, theirs: Values) -> Ratio:
    """How many times as fast ours is.

    Args:
        ours: Seconds of each round.
        theirs: Seconds of the other in the same rounds.
    """
    return paired_ratio(theirs, ours)


def median_interval(rounds: Values, seed: int = 0, resamples: int = _RESAMPLES) -> tuple[float, float]:
    """The 95 % interval of the median of rounds, by a percentile bootstrap.

    By simulation it holds the true median in 75 % of runs of three rounds, in 86 to 88 % of four and of seven, and in
    91 to 95 % of others up to 30.
    """
    values = np.asarray(rounds, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(values.size, size=(resamples, values.size))
    low, high = np.percentile(np.median(values[drawn], axis=1), [2.5, 97.5])
    return float(low), float(high)
