"""Ratios of values: a contender's over the baseline's, be they seconds, bytes or rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness.records import Comparison, said
from benchmarks.harness.stats import Ratio, claim, ratio
from benchmarks.harness.suite import Found

EXACT = Ratio(1.0, 1.0, 1.0)
"""The control of what is counted, not timed."""


def compare(
    found: Found,
    case: dict[str, Any],
    values: Mapping[str, Sequence[float]],
    *,
    pairs: Sequence[tuple[str, str]],
    again: tuple[str, str] | None,
    more_is_better: bool = False,
) -> None:
    """Compare pairs of contenders in a case; those of which one has failed are left out.

    Args:
        found: Takes the comparisons and, of what is timed, the control.
        case: Which.
        values: One a round of each contender.
        pairs: Ours and theirs.
        again: The two names of the contender that is there twice; None where values are counted and do not vary.
        more_is_better: Of the values.
    """
    control = EXACT
    if again is not None:
        if not all(values.get(name) for name in again):
            return
        control = ratio(values[again[0]], values[again[1]])
        found.controls[said(case)] = control
        first, second = (values.get(name) or values[again[1]] for name in pairs[0])
        found.rounds[said(case)] = [one / other for one, other in zip(first, second, strict=True)]
    for ours, theirs in pairs:
        if values.get(ours) and values.get(theirs):
            got = ratio(values[ours], values[theirs])
            claimed = claim(got, control, more_is_better=more_is_better)
            bounds = got.value, got.low, got.high, control.low, control.high
            found.comparisons.append(Comparison(ours, theirs, case, *bounds, claimed))
