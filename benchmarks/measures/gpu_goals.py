"""The short table: the goals beside what was measured. A goal is met by the whole of an interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchmarks.contenders.gpu_ import FP32, OURS, PEAK, REFERENCE, Device
from benchmarks.harness.records import Comparison, Record, Row, said
from benchmarks.measures.gpu_checks import AS_LIKELY, DIFFERENCE, LEAST_AS_LIKELY
from benchmarks.measures.gpu_races import BEST, ONE, RUN
from benchmarks.report.cells import NONE, failed, flat, number, table

MOST_TIME, LEAST_SPEED = 0.35, 2.0
_HEADS = ["what", "goal", "measured", ""]


@dataclass(frozen=True, slots=True)
class Aim:
    """What is said of a way of running.

    Attributes:
        baseline: What it is set beside.
        bound: Of the ratio; None where there is no goal.
        is_time: Whether the ratio is one of times, of which less is better.
    """

    baseline: str
    bound: float | None = None
    is_time: bool = False

    @property
    def goal(self) -> str:
        """In words."""
        if self.bound is None:
            return NONE
        return f"at most {self.bound:g}× the time" if self.is_time else f"at least {self.bound:g}× the texts"

    def find(self, record: Record, case: dict[str, Any]) -> Comparison | None:
        """The comparison of a case; one of times is time over time, where the record has speeds."""
        wanted = (OURS, self.baseline, case)
        found = next(
            (each for each in record.comparisons if (each.contender, each.baseline, each.case) == wanted), None
        )
        if found is None or not self.is_time:
            return found
        return replace(found, ratio=1 / found.ratio, low=1 / found.high, high=1 / found.low)

    def verdict(self, record: Record, found: Comparison, device: Device) -> str:
        """Whether the goal is met, or why nobody can say."""
        if self.bound is None or not device.is_gpu:
            return "" if device.is_gpu else "*no GPU*"
        if not record.valid or said(found.case) in record.unsettled:
            return "*not settled*" if record.valid else "*not valid*"
        met = found.high <= self.bound if self.is_time else found.low >= self.bound
        return "met" if met else "**not met**"


_AIMS = {ONE: Aim(REFERENCE, MOST_TIME, is_time=True), BEST: Aim(REFERENCE, LEAST_SPEED), RUN: Aim(PEAK)}


def goals(record: Record, device: Device) -> str:
    """The table, in Markdown."""
    rows = [_checked(record, name, what) for name in (OURS, FP32) for what in (DIFFERENCE, AS_LIKELY)]
    for row in record.rows:
        way = str(row.case.get("way", ""))
        aim = next((aim for start, aim in _AIMS.items() if way.startswith(start)), None)
        if aim and row.contender == OURS and "tokens" in row.case:
            rows.append(_raced(record, row, aim, device))
    return table(_HEADS, rows)


def _checked(record: Record, name: str, what: str) -> list[str]:
    """The worse of one text and batches."""
    at_least = what == AS_LIKELY
    bound = LEAST_AS_LIKELY if at_least else record.params["tolerances"][name.split("-")[1]]
    label = [f"{name} beside fp32 on the CPU: {what}", f"at {'least' if at_least else 'most'} {bound:g}"]
    rows = [row for row in record.rows if row.contender == name and row.case.get("measure") == what]
    found = [value for row in rows for value in flat(row)]
    worst = min(found, default=0.0) if at_least else max(found, default=0.0)
    met = bool(found) and (worst >= bound if at_least else worst <= bound)
    if not found or (met and name in record.params["refused"]):  # it failed before it was asked all
        return [*label, NONE, failed(record.params["refused"][name])]
    return [*label, number(worst), "met" if met else "**not met**"]


def _raced(record: Record, row: Row, aim: Aim, device: Device) -> list[str]:
    label = f"{OURS} beside {aim.baseline}: {row.case['tokens']} tokens, {row.case['way']}"
    found = aim.find(record, row.case)
    if found is None:
        return [label, aim.goal, NONE, failed(row.failed or f"{aim.baseline} or the control has no numbers here")]
    shown = f"{found.ratio:.3f} [{found.low:.3f}, {found.high:.3f}]"
    return [label, aim.goal, shown, aim.verdict(record, found, device)]
