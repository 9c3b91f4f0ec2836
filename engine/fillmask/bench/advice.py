"""Which setup to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fillmask.bench.ratios import Ratio, speed_ratio
from fillmask.bench.rounds import Samples
from fillmask.bench.setups import Cell, Setup
from fillmask.bench.summaries import by_round

_AS_FAST = 1.02  # times as slow, at most, as the fastest by its median


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation.

    Attributes:
        setup: The preferred one of those that no other is measurably faster than, and whose median is the best or
            within 2 % of it.
        equals: The others.
        tokens: The lengths over which it was chosen.
        beside: What it is compared with.
        gain: How many times as fast it is; None where it is the same, or that was not timed.
        noise: One setup timed twice, as if it were two.
    """

    setup: Setup
    equals: tuple[Setup, ...]
    tokens: tuple[int, ...]
    beside: Setup
    gain: Ratio | None
    noise: Ratio

    @property
    def significant(self) -> bool:
        """Whether the gain is more than noise."""
        return self.gain is not None and self.gain.exceeds(self.noise)


def advise(
    samples: Samples, setups: Sequence[Setup], tokens: Sequence[int], *, beside: Setup, control: Setup
) -> Advice | None:
    """Choose among setups.

    Args:
        samples: What was timed.
        setups: To choose among, the preferred first: of setups without a difference the first wins.
        tokens: Lengths. Those count at which every setup was timed. Where there are none, the setups count that were
            timed at all of them.
        beside: What the choice is compared with.
        control: The setup that was timed twice.

    Returns:
        The choice, or None where there is none to make.
    """
    shared = [length for length in tokens if all(Cell(setup, length) in samples for setup in setups)] or tokens
    times = {each: by_round(samples, each, shared) for each in setups if Cell(each, shared[0]) in samples}
    if not times:
        return None
    noise = speed_ratio(by_round(samples, control, shared), by_round(samples, control, shared, again=True))
    first = next(iter(times.values()))
    fastest = max(times, key=lambda setup: float(np.median(first / times[setup])))
    equals = [setup for setup in times if not speed_ratio(times[fastest], times[setup]).exceeds(noise)]
    # Where noise hides differences, the preferred setup must not be one whose median is worse.
    setup = next(each for each in equals if float(np.median(times[each] / times[fastest])) <= _AS_FAST)
    known = setup != beside and Cell(beside, shared[0]) in samples
    gain = speed_ratio(times[setup], by_round(samples, beside, shared)) if known else None
    others = tuple(each for each in equals if each != setup)
    return Advice(setup, others, tuple(shared), beside, gain, noise)


def exceptions(samples: Samples, setups: Sequence[Setup], whole: Advice, *, control: Setup) -> list[Advice]:
    """Advice for the lengths at which another setup is measurably faster than the one chosen over all lengths."""
    each = [advise(samples, setups, [length], beside=whole.setup, control=control) for length in whole.tokens]
    return [advice for advice in each if advice is not None and advice.significant]
