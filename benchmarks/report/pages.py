"""The pages: RESULTS.md as a whole, and the README between its markers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness.records import replace_between
from benchmarks.report.goals import GOALS, goals
from benchmarks.report.plots import DRAWINGS
from benchmarks.report.readme import numbers
from benchmarks.report.results import Results
from benchmarks.report.sections import section

BENCHMARKS = Path(__file__).parents[1]
RESULTS, PLOTS, README = BENCHMARKS / "RESULTS.md", BENCHMARKS / "plots", BENCHMARKS.parent / "README.md"
START = "<!-- numbers: made by `make report` from benchmarks/results; do not edit -->"
END = "<!-- end of numbers -->"

_TOP = """# Results

<!-- made by `make report` from benchmarks/results; do not edit -->

What each number means, and by which rules it is measured, is in [README.md](README.md). A ratio stands with its 95 %
interval; times of one machine say little about another, ratios more. *failed* says why a contender has no numbers.

Of times and rates a ratio says how many times as fast the first contender is. Of bytes and memory it is our value over
theirs. This page gave `startup`, `overhead` and `options` as time over time before; their ratios are now the inverse,
computed from the same samples."""


def results_page(results: Results) -> str:
    """RESULTS.md."""
    parts = [_TOP, "## Goals", goals(results, GOALS), *_drawn(results)]
    if results.records:
        parts += ["## All of it", *(section(record, results) for record in results.records)]
    return "\n\n".join(parts) + "\n"


def readme_page(readme: str, results: Results) -> str:
    """The README with its table made again.

    Raises:
        ValueError: A marker is missing.
    """
    if START not in readme or END not in readme:
        raise ValueError(f"README.md lacks one of its markers, {START} and {END}")
    return replace_between(readme, START, END, numbers(results))


def _drawn(results: Results) -> list[str]:
    shown = [f"![{drawing.title}](plots/{drawing.name}.svg)" for drawing in DRAWINGS if drawing.records(results)]
    return ["## Plots", *shown] if shown else []
