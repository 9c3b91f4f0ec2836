"""The goals, and whether each is met: by the whole of its interval, not by its middle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import contenders
from benchmarks.contenders import FILLMASK, REFERENCE
from benchmarks.device import DEVICES
from benchmarks.harness.records import Comparison, Record
from benchmarks.report.cells import NONE, case_text, interval, table
from benchmarks.report.results import Results

FASTEST = "the fastest other"
_FP32 = "fillmask-fp32"
_GPU = DEVICES["cuda"].ours


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a ratio.

    Attributes:
        suite: Where it is measured.
        model: Of which model.
        contender: Ours.
        baseline: Theirs, or ``FASTEST`` for whichever of those that are neither ours nor the reference is best. A
            record without one of today's contenders cannot tell which one that is.
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

    def measured(self, results: Results) -> dict[str, tuple[Record, Comparison]]:
        """By kind of CPU, empty on another device, the record and the comparison that decide it there.

        Kinds without a comparison that may be printed are left out.
        """
        found = {}
        for kind in results.cpu_kinds if self.device == "cpu" else ("",):
            record = results.find(self.suite, self.model, self.device, cpu_kind=kind)
            if record and (compared := self._decisive(record)):
                found[kind] = record, compared
        return found

    def rows(self, results: Results) -> list[list[str]]:
        """Of the table of goals: one for each kind of CPU, or one that says that nothing is measured."""
        where = ", ".join(filter(None, [self.suite, self.model, case_text(self.case)]))
        where += "" if self.device == "cpu" else f", on {self.device}"
        bound = f"{'at least' if self.at_least else 'at most'} {self.bound:.3g}×"
        rows = []
        for kind, (record, compared) in self.measured(results).items():
            what = f"{self.contender} beside {self.beside(compared)}"
            met = compared.low >= self.bound if self.at_least else compared.high <= self.bound
            place = f"{where}, {kind}" if kind else where
            verdict = "met" if met else "**not met**"
            rows.append([place, what, bound, interval(compared), verdict, record.context["date"]])
        return rows or [[where, f"{self.contender} beside {self.baseline}", bound, NONE, "not measured", NONE]]

    def beside(self, compared: Comparison) -> str:
        """The baseline, with its name where it is the fastest other."""
        return f"{FASTEST}, {compared.baseline}" if self.baseline == FASTEST else self.baseline

    def _decisive(self, record: Record) -> Comparison | None:
        fitting = [each for each in record.comparisons if self._fits(each)]
        if self.baseline == FASTEST and not {row.contender for row in record.rows} >= set(contenders.names()):
            return None
        if self.baseline == FASTEST:
            return min(fitting, key=lambda each: each.ratio, default=None)
        return fitting[-1] if fitting else None

    def _fits(self, compared: Comparison) -> bool:
        if compared.contender != self.contender or not self.case.items() <= compared.case.items():
            return False
        if self.baseline == FASTEST:
            return compared.baseline != REFERENCE and not compared.baseline.startswith(("fillmask", "floor"))
        return compared.baseline == self.baseline


def _latency(model: str, tokens: int, contender: str, baseline: str, bound: float) -> Goal:
    return Goal("latency", model, contender, baseline, bound, case={"tokens": tokens})


# What the README shows; RESULTS.md has all.
README_GOALS = (
    _latency("minilm", 128, FILLMASK, REFERENCE, 9),
    _latency("minilm", 128, FILLMASK, FASTEST, 2),
    Goal("startup", "minilm", FILLMASK, REFERENCE, 1 / 0.06),
    Goal("size", "minilm", "fillmask", "torch + transformers", 0.2, at_least=False, case={"of": "software"}),
)
README_QUESTIONS = {
    "latency": "one text of {tokens} tokens on one thread, speed",
    "startup": "process start to first answer, speed",
    "size": "installed bytes",
}
GOALS = (
    *README_GOALS[:2],
    _latency("minilm", 16, FILLMASK, REFERENCE, 6),
    _latency("minilm", 16, FILLMASK, FASTEST, 1.5),
    _latency("minilm", 128, _FP32, "optimum-fp32", 2),
    _latency("xlmr-base", 128, FILLMASK, REFERENCE, 9),
    _latency("xlmr-base", 128, FILLMASK, FASTEST, 2.3),
    Goal("throughput", "minilm", FILLMASK, REFERENCE, 12, case={"way": "batches"}),
    README_GOALS[2],
    Goal("memory", "minilm", FILLMASK, REFERENCE, 0.25, at_least=False, case={"of": "peak"}),
    README_GOALS[3],
    Goal("overhead", "minilm", FILLMASK, "floor-int8", 1 / 1.10, case={"tokens": 32}),
    Goal("roofline", "minilm", FILLMASK, "peak-int8", 0.45, case={"tokens": 128}),
)
# At most 0.35 of transformers' time for one text, and twice its texts per second.
GPU_GOALS = (
    *(Goal("latency", "minilm", _GPU, REFERENCE, 1 / 0.35, case={"tokens": tokens}, device="cuda")
      for tokens in (8, 32, 128, 512)),
    Goal("throughput", "minilm", _GPU, REFERENCE, 2, case={"way": "batches"}, device="cuda"),
)  # fmt: skip


def goals(results: Results) -> str:
    """The table of goals; those on a GPU are part of it where one of them was measured."""
    shown = GOALS + (GPU_GOALS if any(goal.measured(results) for goal in GPU_GOALS) else ())
    rows = [row for goal in shown for row in goal.rows(results)]
    return table(["where", "what", "goal", "measured", "", "date"], rows)
