"""The section of a record: samples, comparisons, and what is needed to repeat the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.harness.records import Comparison, Record, Row
from benchmarks.report.cells import NONE, case_text, cell, failed, flat, in_rounds, interval, number, table
from benchmarks.report.results import SUITES, Results

_OF_CALLS = "median / 90 % / 99 % of the calls"
_OF_ROUNDS = "median of the rounds"
# Of a profile's nodes, the longest; of a list of numbers, all, unless there are more: then its ends.
_MOST_SHOWN = 8
_SHOWN_ELSEWHERE = ("title", "subject", "ratio")


def section(record: Record, results: Results) -> str:
    """The section, in Markdown."""
    title = record.params.get("title", record.model)
    device = "" if record.device == "cpu" else f", on {record.device}"
    parts = [f"### {record.suite}{f', {title}' if title else ''}{device}", SUITES[record.suite]]
    if reasons := results.unusable(record):
        parts.append("**INVALID**, so that no numbers are shown:\n\n" + "\n".join(f"- {reason}" for reason in reasons))
    else:
        how = record.params.get("ratio", "how many times as fast")
        parts += [*measured(record, results.refused(record)), *compared(results.comparisons(record), how)]
        parts += profiles(record)
    return "\n\n".join([*parts, provenance(record)])


def measured(record: Record, refused: dict[str, str]) -> list[str]:
    """A table for each kind of row: those of one unit whose cases have the same keys."""
    kinds = dict.fromkeys((row.unit, *row.case) for row in record.rows if row.case)
    tables = []
    for unit, *keys in kinds:
        rows = [row for row in record.rows if (row.unit, *row.case) == (unit, *keys)]
        how = _OF_CALLS if any(in_rounds(row.samples) for row in rows) else _OF_ROUNDS
        if all(len(row.samples) <= 1 for row in rows):
            how = ""
        tables.append(_table(rows, ", ".join(filter(None, [unit, how])), refused))
    whole = [row for row in record.rows if not row.case]
    return [*tables, *(f"{row.contender}: {cell(row)}" for row in whole if row.failed or row.samples)]


def compared(comparisons: Sequence[Comparison], how: str) -> list[str]:
    """The table of ratios: a row for each pair, wins and losses alike.

    Args:
        comparisons: Of a record.
        how: What the ratios say.
    """
    if not comparisons:
        return []
    columns = list(dict.fromkeys(case_text(each.case) for each in comparisons))
    pairs = dict.fromkeys((each.contender, each.baseline) for each in comparisons)
    found = {(each.contender, each.baseline, case_text(each.case)): interval(each) for each in comparisons}
    rows = [[f"{ours} beside {theirs}", *(found.get((ours, theirs, column), NONE) for column in columns)]
            for ours, theirs in pairs]  # fmt: skip
    return [table([how, *columns], rows), _control(comparisons)]


def profiles(record: Record) -> list[str]:
    """The time of a run by type of node, folded."""
    heads = ["node", "in a run", "ms", "of all", "GOP/s"]
    found = []
    for title, nodes in record.params.get("profiles", {}).items():
        rows = [
            [each["op"], str(each["nodes"]), number(each["ms"]), number(each["share"], "share"), _rate(each["gops"])]
            for each in nodes[:_MOST_SHOWN]
        ]
        lines = table(heads, rows)
        found.append(f"<details><summary>Where a run's time goes: {title}</summary>\n\n{lines}\n\n</details>")
    return found


def provenance(record: Record) -> str:
    """The machine, date, commit, parameters and command."""
    context = record.context
    machine = f"{context['cpu_model']}, {context['cores']} cores, {context['os']}, Python {context['python']}"
    commit = f"commit {str(context['git_commit'])[:7]}{' with changes' if context['dirty'] else ''}"
    params = "; ".join(f"{name} {_value(value)}" for name, value in record.params.items() if _shown(name, value))
    lines = [f"{machine}; {context['date']}, {commit}. {params}{_samples(record.rows)}."]
    if subject := record.params.get("subject"):
        lines.append(f"Weights: {_weights(subject)}.")
    lines.append(f"Again: `{record.command}`")
    return f"<sub>{' '.join(lines)}</sub>"


def _table(rows: Sequence[Row], title: str, refused: dict[str, str]) -> str:
    columns = list(dict.fromkeys(_column(row) for row in rows))
    labels = dict.fromkeys(_label(row) for row in rows)
    found = {
        (_label(row), _column(row)): failed(refused[row.contender]) if row.contender in refused else cell(row)
        for row in rows
    }
    lines = [[label, *(found.get((label, column), NONE) for column in columns)] for label in labels]
    return table([title, *columns], lines)


def _column(row: Row) -> str:
    return case_text(dict([next(iter(row.case.items()))]))


def _label(row: Row) -> str:
    return ", ".join([row.contender, *(str(value) for value in list(row.case.values())[1:])])


def _control(comparisons: Iterable[Comparison]) -> str:
    low, high = min(each.aa_low for each in comparisons), max(each.aa_high for each in comparisons)
    return (
        f"A contender beside itself gave {low:.3f} to {high:.3f} over all cases. *No difference* means that a ratio is "
        f"within the noise that the control of its case shows."
    )


def _samples(rows: Sequence[Row]) -> str:
    counts = [len(flat(row)) for row in rows if row.samples]
    if not counts or max(counts) == 1:
        return ""
    return f"; n = {min(counts)}" + (f" to {max(counts)}" if max(counts) > min(counts) else "") + " a cell"


def _rate(gops: float | None) -> str:
    return NONE if gops is None else number(gops)


def _shown(name: str, value: object) -> bool:
    nested = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value)
    )
    return name not in _SHOWN_ELSEWHERE and not nested


def _value(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    if len(value) <= _MOST_SHOWN:
        return ", ".join(map(str, value))
    return f"{min(value)} to {max(value)}"


def _weights(subject: dict[str, Any]) -> str:
    return f"{subject['checkpoint']}, SHA-256 {subject['sha256'][:12]}…"
