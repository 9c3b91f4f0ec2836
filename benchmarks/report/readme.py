"""The README's table: the most important ratios, each with the command that measures it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.harness.records import Comparison, Record
from benchmarks.report.cells import interval, table
from benchmarks.report.goals import GOALS, Goal
from benchmarks.report.results import Results

NOTHING = "Nothing has been measured that may be shown; `make bench` measures."
_QUESTIONS = {
    "latency": "one text of {tokens} tokens on one thread, speed",
    "throughput": "sentences in batches on two cores, texts a second",
    "startup": "process start to first answer, speed",
    "memory": "peak memory",
    "size": "installed bytes",
    "overhead": "a call beside the run inside it, {tokens} tokens, speed",
    "roofline": "products a second beside the peak of the machine, {tokens} tokens",
}


def numbers(results: Results) -> str:
    """The rows of valid records, losses as well as wins."""
    found = [(goal, record, compared) for goal in GOALS
             if (record := goal.record(results)) and (compared := goal.find(results))]  # fmt: skip
    if not found:
        return NOTHING
    rows = [_row(goal, record, compared) for goal, record, compared in found]
    lines = table(["question", "fillmask", "beside", "ratio", "command"], rows)
    return f"{lines}\n\n{_where(record for _, record, _ in found)}"


def _row(goal: Goal, record: Record, compared: Comparison) -> list[str]:
    question = f"{record.model or goal.model}: {_QUESTIONS[goal.suite].format(**goal.case)}"
    ours = compared.contender.removeprefix("fillmask-")
    model = f" --model {record.model}" if record.model else ""
    return [question, ours, compared.baseline, interval(compared), f"`python -m benchmarks {goal.suite}{model}`"]


def _where(records: Iterable[Record]) -> str:
    """The machines, dates and packages of all records; one line where they are the same."""
    return "\n".join(dict.fromkeys(_machine(record.context) for record in records))


def _machine(context: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in context["packages"].items())
    return f"Measured {context['date']} on {context['cores']} cores of {context['cpu_model']}; {packages}."
