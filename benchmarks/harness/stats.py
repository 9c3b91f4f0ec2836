"""Ratios in the direction that their unit decides, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fillmask.bench.ratios import Ratio, paired_ratio, speed_ratio

_DOUBT = 0.01
_TIMES, _RATES = ("ms", "s"), ("texts/s", "residues/s", "GOP/s")

Claim = Literal["faster", "slower", "none"]


def enough_for(q: float, n: int) -> bool:
    """Whether ``n`` calls suffice for the ``q``-th percentile: 11 for p50, 64 for p90, 662 for p99.

    With fewer, the probability that at most one of them exceeds it is above 1 %.
    """
    above = 1 - q / 100
    at_most_one = (1 - above) ** n + n * above * (1 - above) ** (n - 1)
    return n > 0 and at_most_one <= _DOUBT


def ratio(unit: str, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """The ratio of paired rounds.

    Args:
        unit: Of the values. Of times and rates the ratio says how many times as fast ours is: theirs over ours of
            times, ours over theirs of rates. Of all other units, such as ``"MB"``, it is ours over theirs.
        ours: One value a round.
        theirs: The other's in the same rounds.

    Raises:
        ValueError: The rounds are not the same ones, or there are none, or a value is not above 0.
    """
    return speed_ratio(ours, theirs) if unit in _TIMES else paired_ratio(ours, theirs)


def claim(unit: str, found: Ratio, control: Ratio) -> Claim:
    """What follows from a ratio: ``"none"`` unless it exceeds the noise that the control shows.

    Args:
        unit: Of the values. Of times and rates a ratio above 1 is the better one, of sizes one below 1.
        found: The ratio.
        control: The ratio of a contender to itself.
    """
    if not found.exceeds(control):
        return "none"
    return "faster" if (found.value > 1) == (unit in _TIMES + _RATES) else "slower"
