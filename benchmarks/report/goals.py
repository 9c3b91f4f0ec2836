"""The goals, and whether each is met: by the whole of its interval, not by its middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contenders import FILLMASK, REFERENCE
from benchmarks.device import DEVICES
from benchmarks.harness.records import Comparison, Record
from benchmarks.report.cells import NONE, case_text, interval, table
from benchmarks.report.results import Results

FASTEST = "the fastest other"
_FP32 = "fillmask-fp32"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a ratio.

    Attributes:
        suite: Where it is measured.
        model: Of which model.
        contender: Ours.
        baseline: Theirs, or ``FASTEST`` for whichever of those that are neither ours nor the reference is best.
        bound: The ratio.
        at_least: Whether the ratio must be at least that, or else at most.
        case: What the comparison's case must hold; of several the last counts.
        device: Where.
    """

    suite: str
    model: str
    contender: str
    baseline: str
    bound: float
    at_least: bool = True
    case: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    def record(self, results: Results) -> Record | None:
        """Where it is measured, if that may be printed; a suite need not be of a model."""
        return results.usable(self.suite, self.model, self.device) or results.usable(self.suite)

    def find(self, results: Results) -> Comparison | None:
        """The comparison that decides it, or None where there is none that may be printed."""
        record = self.record(results)
        if record is None:
            return None
        fitting = [each for each in results.comparisons(record) if self._fits(each)]
        if self.baseline == FASTEST:
            return min(fitting, key=lambda each: each.ratio, default=None)
        return fitting[-1] if fitting else None

    def met(self, found: Comparison) -> bool:
        """Whether all of the interval is on the right side."""
        return found.low >= self.bound if self.at_least else found.high <= self.bound

    def _fits(self, compared: Comparison) -> bool:
        fits = {name: compared.case.get(name) for name in self.case} == dict(self.case)
        if not fits or compared.contender != self.contender:
            return False
        return _other(compared.baseline) if self.baseline == FASTEST else compared.baseline == self.baseline


def _other(name: str) -> bool:
    return name != REFERENCE and not name.startswith(("fillmask", "floor"))


def _latency(model: str, tokens: int, contender: str, baseline: str, bound: float) -> Goal:
    return Goal("latency", model, contender, baseline, bound, case={"tokens": tokens})


GOALS = (
    _latency("minilm", 128, FILLMASK, REFERENCE, 9),
    _latency("minilm", 128, FILLMASK, FASTEST, 2),
    _latency("minilm", 16, FILLMASK, REFERENCE, 6),
    _latency("minilm", 16, FILLMASK, FASTEST, 1.5),
    _latency("minilm", 128, _FP32, "optimum-fp32", 2),
    _latency("xlmr-base", 128, FILLMASK, REFERENCE, 9),
    _latency("xlmr-base", 128, FILLMASK, FASTEST, 2.3),
    Goal("throughput", "minilm", FILLMASK, REFERENCE, 12, case={"way": "batches"}),
    Goal("startup", "minilm", FILLMASK, REFERENCE, 1 / 0.06),
    Goal("memory", "minilm", FILLMASK, REFERENCE, 0.25, at_least=False, case={"of": "peak"}),
    Goal("size", "minilm", "fillmask", "torch + transformers", 0.2, at_least=False, case={"of": "software"}),
    Goal("overhead", "minilm", FILLMASK, "floor-int8", 1 / 1.10, case={"tokens": 32}),
    Goal("roofline", "minilm", FILLMASK, "peak-int8", 0.45, case={"tokens": 128}),
)


def gpu_goals(model: str, device: str) -> tuple[Goal, ...]:
    """The goals on a GPU: at most 0.35 of transformers' time for one text, and twice its texts per second."""
    ours = DEVICES[device].ours
    latencies = (Goal("latency", model, ours, REFERENCE, 1 / 0.35, case={"tokens": tokens}, device=device)
                 for tokens in (8, 32, 128, 512))  # fmt: skip
    return *latencies, Goal("throughput", model, ours, REFERENCE, 2, case={"way": "batches"}, device=device)


def goals(results: Results, wanted: Sequence[Goal], *, verdicts: bool = True) -> str:
    """The table of goals.

    Args:
        results: The records.
        wanted: The goals.
        verdicts: Whether the table says which goals are met.
    """
    rows = [_row(goal, goal.find(results)) for goal in wanted]
    return table(["where", "what", "goal", "measured", ""], rows if verdicts else [[*row[:-1], ""] for row in rows])


def _row(goal: Goal, found: Comparison | None) -> list[str]:
    where = ", ".join(filter(None, [goal.suite, goal.model, case_text(goal.case)]))
    bound = f"{'at least' if goal.at_least else 'at most'} {goal.bound:.3g}×"
    if found is None:
        return [where, f"{goal.contender} beside {goal.baseline}", bound, NONE, "not measured"]
    beside = f"{FASTEST}, {found.baseline}" if goal.baseline == FASTEST else goal.baseline
    verdict = "met" if goal.met(found) else "**not met**"
    return [where, f"{goal.contender} beside {beside}", bound, interval(found), verdict]
