"""The pages: RESULTS.md as a whole; of others the numbers between their markers.

The README has the most important ratios, docs/batch.md those of files, docs/serving.md those of the server, and
benchmarks/README.md the leads at each length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness.records import Comparison, Record, replace_between
from benchmarks.report.cells import NONE, interval, table
from benchmarks.report.goals import FASTEST, README_GOALS, README_QUESTIONS, Goal, goals
from benchmarks.report.leads import UNSETTLED, leads
from benchmarks.report.plots import drawings
from benchmarks.report.results import Results
from benchmarks.report.sections import compared, measured, section

BENCHMARKS = Path(__file__).parents[1]
RESULTS, PLOTS, README = BENCHMARKS / "RESULTS.md", BENCHMARKS / "plots", BENCHMARKS.parent / "README.md"
BATCH, SERVING = (BENCHMARKS.parent / "docs" / name for name in ("batch.md", "serving.md"))
METHOD = BENCHMARKS / "README.md"
START = "<!-- numbers: made by `make report` from benchmarks/results; do not edit -->"
END = "<!-- end of numbers -->"
_SERVER_TEXTS = {"mixed": "mixed lengths", "short": "the shortest"}
_PYTHON = ".venv-optimum/bin/python"
_OUT = "--out build/results"  # without it a run replaces the record
NOTHING = "Nothing has been measured that may be shown; `make bench` measures."
_TOP = """# Results

<!-- made by `make report` from benchmarks/results; do not edit -->

What each number means, and by which rules it is measured, is in [README.md](README.md). A ratio stands with its 95 %
interval; times of one machine say little about another, ratios more. Below a table stands why a contender *failed*.

Of times and rates a ratio says how many times as fast the first contender is. Of bytes and memory it is our value over
theirs."""


def results_page(results: Results) -> str:
    """RESULTS.md."""
    parts = [_TOP, "## Goals", goals(results)]
    if drawn := [f"![{each.title}](plots/{each.name}.svg)" for each in drawings(results)]:
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
        SERVING: with_numbers(SERVING.read_text(encoding="utf-8"), server_numbers(results)),
        METHOD: with_numbers(METHOD.read_text(encoding="utf-8"), leads(results) or NOTHING),
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
    """The rates of files and their ratios, on each kind of CPU."""
    found = [record for kind in results.cpu_kinds if (record := results.find("batch", cpu_kind=kind))]
    parts = [part for record in found for part in (*measured(record), *compared(record), _machine(record))]
    return "\n\n".join(parts) or NOTHING


def server_numbers(results: Results) -> str:
    """The server's rates as shares of the library's in batches, on each kind of CPU."""
    found = [record for kind in results.cpu_kinds if (record := results.find("server", cpu_kind=kind))]
    heads = ["clients", "texts a request", "texts", *(record.cpu_kind or "ratio" for record in found)]
    rows = [
        [*_clients(found[0], contender), says, *(_share(record, contender, text) for record in found)]
        for text, says in _SERVER_TEXTS.items()
        for contender in ("server", "server-lists")
        if found
    ]
    return "\n\n".join([table(heads, rows), *map(_machine, found)]) if found else NOTHING


def _clients(record: Record, contender: str) -> list[str]:
    """How many clients there are, and how many texts each of their requests has."""
    params = record.params
    shown = (params["clients_with_lists"], params["batch"]) if contender == "server-lists" else (params["clients"], 1)
    return [str(each) for each in shown]


def _share(record: Record, contender: str, text: str) -> str:
    fitting = [each for each in record.comparisons if (each.contender, each.baseline) == (contender, "library-batches")]
    return next((interval(each) for each in fitting if each.case["text"] == text), UNSETTLED)


def numbers(results: Results) -> str:
    """A row for each goal with the valid records of each kind of CPU, losses as well as wins."""
    found = [(goal, measured) for goal in README_GOALS if (measured := goal.measured(results))]
    if not found:
        return NOTHING
    records = [record for _, measured in found for record, _ in measured.values()]
    kinds = sorted({record.cpu_kind for record in records})
    rows = [_row(goal, measured, kinds) for goal, measured in found]
    lines = table(["question", "beside", *(kind or "ratio" for kind in kinds), "command"], rows)
    return "\n\n".join([lines, *dict.fromkeys(map(_machine, records))])


def _row(goal: Goal, measured: Mapping[str, tuple[Record, Comparison]], kinds: Sequence[str]) -> list[str]:
    question = f"{goal.model}: {README_QUESTIONS[goal.suite].format(**goal.case)}"
    cells = [_cell(goal, *measured[kind]) if kind in measured else NONE for kind in kinds]
    return [question, goal.baseline, *cells, f"`{_PYTHON} -m benchmarks {goal.suite} --model {goal.model} {_OUT}`"]


def _cell(goal: Goal, record: Record, compared: Comparison) -> str:
    beside = f", {compared.baseline}" if goal.baseline == FASTEST else ""
    return f"{interval(compared)}{beside}, {record.context['date']}"


def _machine(record: Record) -> str:
    context = record.context
    packages = ", ".join(f"{name} {version}" for name, version in context["packages"].items())
    kind = f"{record.cpu_kind}, {context['date']}" if record.cpu_kind else context["date"]
    return f"{kind}: {context['cores']} cores of {context['cpu_model']}; {packages}."
