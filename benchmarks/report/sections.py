"""The section of a record: samples, comparisons, and what is needed to repeat the run."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.records import Record, Row
from benchmarks.report.cells import NONE, case_text, cell, flat, in_rounds, interval, number, one_line, table
from benchmarks.report.results import SUITES

# Of a profile's nodes, the longest; of a list of numbers, all, unless there are more: then its ends.
_MOST_SHOWN = 8
_SHOWN_ELSEWHERE = ("title", "subject", "ratio")


def section(record: Record) -> str:
    """The section, in Markdown."""
    title = record.params.get("title", record.model)
    place = record.cpu_kind if record.device == "cpu" else f"on {record.device}"
    parts = [f"### {', '.join(filter(None, [record.suite, title, place]))}", SUITES[record.suite]]
    if record.valid:
        parts += [*measured(record), *compared(record), *profiles(record)]
    else:
        reasons = "\n".join(f"- {reason}" for reason in record.invalid_reasons)
        parts.append(f"**INVALID**, so that no numbers are shown:\n\n{reasons}")
    return "\n\n".join([*parts, provenance(record)])


def measured(record: Record) -> list[str]:
    """A table for each kind of row: those of one unit whose cases have the same keys."""
    kinds: dict[tuple[str, ...], list[Row]] = {}
    for row in (row for row in record.rows if row.case):
        kinds.setdefault((row.unit, *row.case), []).append(row)
    tables = []
    for (unit, *_), rows in kinds.items():
        how = ""
        if any(len(row.samples) > 1 for row in rows):
            calls = any(in_rounds(row.samples) for row in rows)
            how = "median / 90 % / 99 % of the calls" if calls else "median of the rounds"
        tables.append(_table(rows, ", ".join(filter(None, [unit, how]))))
    whole = [row for row in record.rows if not row.case]
    return [*tables, *(f"{row.contender}: {cell(row)}" for row in whole if row.failed or row.samples)]


def compared(record: Record) -> list[str]:
    """The table of ratios: a row for each pair, wins and losses alike."""
    comparisons, how = record.comparisons, record.params.get("ratio", "how many times as fast")
    if not comparisons:
        return []
    found = {(f"{each.contender} beside {each.baseline}", case_text(each.case)): interval(each) for each in comparisons}
    low, high = min(each.aa_low for each in comparisons), max(each.aa_high for each in comparisons)
    control = (
        f"A contender beside itself gave {low:.3f} to {high:.3f} over all cases. *No difference* means that a ratio is "
        f"within the noise that the control of its case shows."
    )
    return [_pivot(how, found), control]


def profiles(record: Record) -> list[str]:
    """The time of a run by type of node, folded."""
    found = []
    for title, nodes in record.params.get("profiles", {}).items():
        rows = [
            [each["op"], str(each["nodes"]), number(each["ms"]), number(each["share"], "share"),
             NONE if each["gops"] is None else number(each["gops"])]
            for each in nodes[:_MOST_SHOWN]
        ]  # fmt: skip
        lines = table(["node", "in a run", "ms", "of all", "GOP/s"], rows)
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
        lines.append(f"Weights: {subject['checkpoint']}, SHA-256 {subject['sha256'][:12]}….")
    lines.append(f"Again: `{record.command}`")
    return f"<sub>{' '.join(lines)}</sub>"


def _table(rows: Sequence[Row], title: str) -> str:
    """A column for each value of the case's first key, a line for each contender and the other values.

    Below the table stand the reasons of failures, since one reason may stand for many cells.
    """
    lines = list(dict.fromkeys(row.contender for row in rows))
    ordered = sorted(rows, key=lambda row: lines.index(row.contender))
    reasons = list(dict.fromkeys(row.failed for row in ordered if row.failed is not None))
    found = {}
    for row in rows:
        first, *others = row.case
        label = ", ".join([row.contender, *(str(row.case[name]) for name in others)])
        shown = cell(row) if row.failed is None else f"*failed ({reasons.index(row.failed) + 1})*"
        found[label, case_text({first: row.case[first]})] = shown
    notes = [f"({place}) *{one_line(why)}*" for place, why in enumerate(reasons, start=1)]
    return "\n\n".join([_pivot(title, found), *notes])


def _pivot(title: str, cells: dict[tuple[str, str], str]) -> str:
    """A table of cells by their lines and columns."""
    lines, columns = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    return table([title, *columns], [[line, *(cells.get((line, each), NONE) for each in columns)] for line in lines])


def _samples(rows: Sequence[Row]) -> str:
    counts = [len(flat(row)) for row in rows if row.samples]
    if not counts or max(counts) == 1:
        return ""
    return f"; n = {min(counts)}" + (f" to {max(counts)}" if max(counts) > min(counts) else "") + " a cell"


def _shown(name: str, value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return name not in _SHOWN_ELSEWHERE and not any(isinstance(each, (dict, list)) for each in values)


def _value(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    if len(value) <= _MOST_SHOWN:
        return ", ".join(map(str, value))
    return f"{min(value)} to {max(value)}"
