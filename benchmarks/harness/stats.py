"""Ratios in the direction that their unit decides, what follows from them, and whether rounds are steady."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from fillmask.bench.ratios import Ratio, paired_ratio, speed_ratio

HALF_WIDTH = 0.05
"""Of a control's interval, at most."""
_TIMES, _RATES = ("ms", "s"), ("texts/s", "residues/s", "GOP/s")
Claim = Literal["faster", "slower", "none"]


def ratio(unit: str, ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """The ratio of paired rounds.

    Of times and rates it says how many times as fast ours is: theirs over ours of times, ours over theirs of rates. Of
    all other units, such as ``"MB"``, it is ours over theirs.

    Raises:
        ValueError: The rounds are not the same ones, or there are none, or a value is not above 0.
    """
    return speed_ratio(ours, theirs) if unit in _TIMES else paired_ratio(ours, theirs)


def claim(unit: str, found: Ratio, control: Ratio) -> Claim:
    """What follows from a ratio: ``"none"`` unless it exceeds the noise that the control shows.

    Of times and rates a ratio above 1 is the better one, of sizes one below 1.
    """
    if not found.exceeds(control):
        return "none"
    return "faster" if (found.value > 1) == (unit in _TIMES + _RATES) else "slower"


def narrow(ours: Sequence[float], again: Sequence[float]) -> bool:
    """Whether the control of a contender is narrow enough; a contender that failed adds nothing.

    Adding rounds until it is cannot bias a result: the stopping rule looks only at the control.
    """
    return not ours or len(ours) != len(again) or paired_ratio(ours, again).half_width <= HALF_WIDTH


def drift(values: Sequence[float]) -> float:
    """The largest over the smallest median of the first, second and last third of the rounds."""
    thirds = [float(np.median(third)) for third in np.array_split(values, 3) if third.size]
    return max(thirds) / min(thirds)
