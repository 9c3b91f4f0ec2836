"""The result of a suite: its rows, and the comparisons made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import contenders
from benchmarks.device import CPU, Device
from benchmarks.harness.records import Comparison, Row, case_name
from benchmarks.harness.rounds import Rounds
from benchmarks.harness.stats import claim, ratio
from benchmarks.harness.validity import drift
from fillmask.bench.ratios import Ratio

Case = dict[str, Any]
_EXACT = Ratio(1.0, 1.0, 1.0)
"""The control of values that are counted and do not vary."""


@dataclass(slots=True)
class SuiteResult:
    """The result of a suite.

    Attributes:
        params: The suite's parameters.
        device: Where the contenders ran.
        rows: Its samples.
        comparisons: Ratios made of them.
        controls: By case, the ratio of a contender to itself.
        rounds: By case, one value a round that must not drift. It is a ratio, since what slows a machine for a while
            slows both its sides.
        gate: Why there are no speeds, such as wrong predictions, or None.
    """

    params: dict[str, Any] = field(default_factory=dict)
    device: Device = CPU
    rows: list[Row] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    controls: dict[str, Ratio] = field(default_factory=dict)
    rounds: dict[str, Sequence[float]] = field(default_factory=dict)
    gate: str | None = None

    @property
    def failures(self) -> dict[str, str]:
        """Why contenders failed that every suite needs."""
        needed = {contenders.REFERENCE, self.device.ours, self.device.again}
        needed |= {"fillmask-fp32"} if self.device.is_cpu else set()
        return {row.contender: row.failed for row in self.rows if row.failed and row.contender in needed}

    def add(
        self,
        case: Case,
        unit: str,
        rounds: Rounds[str, Any],
        *,
        settings: Mapping[str, dict[str, Any]] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Add a row of each contender.

        Args:
            case: Of the rows.
            unit: Of the samples.
            rounds: Samples by contender, and the reasons of those that failed.
            settings: By contender.
            notes: By contender.
        """
        settings, notes = settings or {}, notes or {}
        for name, samples in rounds.samples.items():
            precision, set_to = contenders.precision_of(name, self.device), settings.get(name, {})
            self.rows.append(Row(name, precision, case, unit, samples, set_to, notes=notes.get(name, "")))
        for name, why in rounds.failed.items():
            self.rows.append(Row(name, contenders.precision_of(name, self.device), case, unit, [], failed=why))

    def compare(
        self,
        case: Case,
        unit: str,
        values: Mapping[str, Sequence[float]],
        *,
        control: tuple[str, str] | None,
        pairs: Sequence[tuple[str, str]] | None = None,
        name: str | None = None,
    ) -> None:
        """Compare contenders in a case. Pairs of which one has failed are left out.

        Args:
            case: Which.
            unit: Of the values, which decides the direction of the ratio: see ``stats.ratio``.
            values: One a round of each contender.
            control: The two names of the contender that runs twice; without both there is no comparison. None where
                values are counted and do not vary.
            pairs: Ours and theirs; None takes each contender of fillmask beside every other one.
            name: Of the case, where it has several controls.
        """
        noise = _EXACT
        compared = [pair for pair in (pairs or _all_pairs(values, control)) if all(values.get(each) for each in pair)]
        if control is not None:
            if not all(values.get(each) for each in control):
                return
            noise = ratio(unit, *(values[each] for each in control))
            name, sides = name or case_name(case), [values[each] for each in _representative(compared, control)]
            self.controls[name] = noise
            self.rounds[name] = [one / other for one, other in zip(*sides, strict=True)]
            self.params.setdefault("drift", {})[name] = drift(values[control[0]])
        for ours, theirs in compared:
            found = ratio(unit, values[ours], values[theirs])
            interval = found.value, found.low, found.high, noise.low, noise.high
            self.comparisons.append(Comparison(ours, theirs, case, *interval, claim(unit, found, noise)))


def _all_pairs(values: Mapping[str, Sequence[float]], control: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Each contender of fillmask beside every other one, without the control's second entry."""
    names = [name for name in values if control is None or name != control[1]]
    return [(ours, other) for ours in names if ours.startswith("fillmask") for other in names if other != ours]


def _representative(pairs: Sequence[tuple[str, str]], control: tuple[str, str]) -> tuple[str, str]:
    """The pair whose ratio must not drift: the control's contender beside the reference, or else beside another."""
    own = [pair for pair in pairs if control[0] in pair]
    return next((pair for pair in own if contenders.REFERENCE in pair), own[0] if own else control)
