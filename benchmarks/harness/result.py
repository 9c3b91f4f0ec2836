"""The result of a suite: its rows, the comparisons made of them, and the reasons why a run is invalid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import contenders
from benchmarks.device import CPU, Device
from benchmarks.harness.records import Comparison, Row, case_name
from benchmarks.harness.rounds import Rounds, run_rounds
from benchmarks.harness.stats import HALF_WIDTH, claim, drift, ratio
from fillmask.bench.ratios import Ratio

Case = dict[str, Any]
_EXACT = Ratio(1.0, 1.0, 1.0)  # the control of values that are counted and do not vary
_DRIFT = 1.10
# By what the watch on the machine finds, the most that is allowed and its description.
_BOUNDS = {
    "foreign": (0.05, "of the machine's time went to other processes"),
    "steal": (0.02, "of the machine's time went to its host"),
    "load_before": (0.5, "cores were busy before the start"),
}


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

    def run(
        self,
        case: Case,
        unit: str,
        blocks: Mapping[str, Callable[[], Any]],
        *,
        control: tuple[str, str],
        value: Callable[[Any], float] = float,
        settings: Mapping[str, dict[str, Any]] | None = None,
        failed: Mapping[str, str] | None = None,
    ) -> None:
        """Run the blocks of a case in as many rounds as the parameters say, and add rows and comparisons of them.

        Args:
            case: Which.
            unit: Of the values.
            blocks: What contenders run, by name.
            control: The two names of the contender that runs twice.
            value: The number of a block's result.
            settings: Of contenders.
            failed: Why other contenders have no blocks.
        """
        rounds = run_rounds(blocks, self.params["rounds"], case_name(case), controls=[control], value=value)
        rounds.failed.update(failed or {})
        self.add(case, unit, rounds, settings=settings)
        self.compare(case, unit, rounds.map(value).samples, control=control)

    def add(
        self,
        case: Case,
        unit: str,
        rounds: Rounds[str, Any],
        settings: Mapping[str, dict[str, Any]] | None = None,
        *,
        precision: str = "",
    ) -> None:
        """Add a row of each contender, with its settings or with the reason why it failed.

        Args:
            case: Which.
            unit: Of the samples.
            rounds: The samples, and why others failed.
            settings: By contender.
            precision: Of all products; empty where the names of the contenders give it.
        """
        for name in (*rounds.samples, *rounds.failed):
            self.rows.append(
                Row(name, precision or contenders.precision_of(name, self.device), case, unit,
                    rounds.samples.get(name, []), (settings or {}).get(name, {}), rounds.failed.get(name))
            )  # fmt: skip

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

    def failures(self) -> list[str]:
        """Why contenders failed that every suite needs."""
        needed = {contenders.REFERENCE, self.device.ours, self.device.again}
        needed |= {"fillmask-fp32"} if self.device.is_cpu else set()
        found = {row.contender: row.failed for row in self.rows if row.failed and row.contender in needed}
        return [f"{name} failed: {why}" for name, why in found.items()]

    def unsettled(self) -> dict[str, list[str]]:
        """The cases whose control is too wide or whose values drifted, with these reasons."""
        found: dict[str, list[str]] = {}
        for case, control in self.controls.items():
            if control.half_width > HALF_WIDTH:
                wide = f"±{control.half_width:.1%}, more than {HALF_WIDTH:.0%}"
                found.setdefault(case, []).append(f"the interval of a contender beside itself is {wide}")
        for case, values in self.rounds.items():
            if drift(values) > _DRIFT:
                drifted = f"{drift(values):.2f} over the rounds, more than {_DRIFT}"
                found.setdefault(case, []).append(f"values drifted by {drifted}")
        return found


def judge(
    context: Mapping[str, Any], watch: Mapping[str, float], result: SuiteResult, profile: str
) -> tuple[list[str], dict[str, list[str]]]:
    """Why a run is invalid; and if it is valid, the cases that are not settled with their reasons.

    Each case is a comparison of its own. Where no case is settled, the run is invalid. A quick run may be of code that
    is not committed.
    """
    reasons = [f"{watch[name]:.3g} {what}, more than {most}" for name, (most, what) in _BOUNDS.items()
               if watch[name] > most]  # fmt: skip
    reasons += result.failures() + ([result.gate] if result.gate else [])
    if profile == "full" and context["git_commit"] is None:
        reasons.append("the code is in no git repository, so what was measured is unknown")
    if profile == "full" and context["dirty"]:
        reasons.append("the code has changes that are not committed")
    unsettled = result.unsettled()
    if result.controls and unsettled.keys() >= result.controls.keys():
        return reasons + [f"{case}: {why}" for case, all_ in unsettled.items() for why in all_], {}
    return reasons, unsettled


def _all_pairs(values: Mapping[str, Sequence[float]], control: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Each contender of fillmask beside every other one, without the control's second entry."""
    names = [name for name in values if control is None or name != control[1]]
    return [(ours, other) for ours in names if ours.startswith("fillmask") for other in names if other != ours]


def _representative(pairs: Sequence[tuple[str, str]], control: tuple[str, str]) -> tuple[str, str]:
    """The pair whose ratio must not drift: the control's contender beside the reference, or else beside another."""
    own = [pair for pair in pairs if control[0] in pair]
    return next((pair for pair in own if contenders.REFERENCE in pair), own[0] if own else control)
