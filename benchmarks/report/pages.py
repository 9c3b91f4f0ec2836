"""The pages: RESULTS.md as a whole; of others the numbers between their markers.

The README has the most important ratios, docs/batch.md those of files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.records import Comparison, Record, replace_between
from benchmarks.report.cells import interval, table
from benchmarks.report.goals import README_GOALS, README_QUESTIONS, Goal, goals
from benchmarks.report.plots import DRAWINGS
from benchmarks.report.results import Results
from benchmarks.report.sections import compared, measured, section

BENCHMARKS = Path(__file__).parents[1]
RESULTS, PLOTS, README = BENCHMARKS / "RESULTS.md", BENCHMARKS / "plots", BENCHMARKS.parent / "README.md"
BATCH = BENCHMARKS.parent / "docs" / "batch.md"
START = "<!-- numbers: made by `make report` from benchmarks/results; do not edit -->"
END = "<!-- end of numbers -->"
NOTHING = "Nothing has been measured that may be shown; `make bench` measures."
_TOP = """# Results

<!-- made by `make report` from benchmarks/results; do not edit -->

What each number means, and by which rules it is measured, is in [README.md](README.md). A ratio stands with its 95 %
interval; times of one machine say little about another, ratios more. *failed* says why a contender has no numbers.

Of times and rates a ratio says how many times as fast the first contender is. Of bytes and memory it is our value over
theirs. This page gave `startup`, `overhead` and `options` as time over time before; their ratios are now the inverse,
computed from the same samples."""


def results_page(results: Results) -> str:
    """RESULTS.md."""
    parts = [_TOP, "## Goals", goals(results)]
    if drawn := [f"![{each.title}](plots/{each.name}.svg)" for each in DRAWINGS if each.records(results)]:
        parts += ["## Plots", *drawn]
    if results.records:
        parts += ["## All of it", *(section(record) for record in results.records)]
    return "\n\n".join(parts) + "\n"


def pages(results: Results) -> dict[Path, str]:
    """Every page, by its path."""
    return {
        RESULTS: results_page(results),
        README: with_numbers(README.read_text(encoding="utf-8"), numbers(results)),
        BATCH: with_numbers(BATCH.read_text(encoding="utf-8"), batch_numbers(results)),
    }


def with_numbers(page: str, made: str) -> str:
    """A page with other numbers between its markers.

    Raises:
        ValueError: A marker is missing.
    """
    if START not in page or END not in page:
        raise ValueError(f"the page lacks one of its markers, {START} and {END}")
    return replace_between(page, START, END, made)


def batch_numbers(results: Results) -> str:
    """The rates of files and their ratios."""
    record = results.find("batch")
    if record is None:
        return NOTHING
    return "\n\n".join([*measured(record), *compared(record), _machine(record.context)])


def numbers(results: Results) -> str:
    """The rows of valid records, losses as well as wins."""
    found = [(goal, record, compared) for goal in README_GOALS
             if (record := goal.record(results)) and (compared := goal.find(results))]  # fmt: skip
    if not found:
        return NOTHING
    rows = [_row(goal, record, compared) for goal, record, compared in found]
    lines = table(["question", "fillmask", "beside", "ratio", "command"], rows)
    machines = dict.fromkeys(_machine(record.context) for _, record, _ in found)
    return "\n".join([f"{lines}\n", *machines])


def _row(goal: Goal, record: Record, compared: Comparison) -> list[str]:
    question = f"{record.model or goal.model}: {README_QUESTIONS[goal.suite].format(**goal.case)}"
    ours = compared.contender.removeprefix("fillmask-")
    model = f" --model {record.model}" if record.model else ""
    return [question, ours, compared.baseline, interval(compared), f"`python -m benchmarks {goal.suite}{model}`"]


def _machine(context: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in context["packages"].items())
    return f"Measured {context['date']} on {context['cores']} cores of {context['cpu_model']}; {packages}."
