"""The table of leads: fillmask beside the fastest other contender of the same precision, one text on one thread."""

from __future__ import annotations

from benchmarks.harness.records import Comparison, Record
from benchmarks.report.cells import NONE, table
from benchmarks.report.results import Results

_PRECISIONS = ("int8", "fp32")
UNSETTLED = "not settled"


def leads(results: Results) -> str:
    """A row for each model, kind of CPU and precision, a column for each length; nothing without a record."""
    records = [each for each in results.records if each.suite == "latency" and each.device == "cpu" and each.valid]
    lengths = sorted({tokens for record in records for tokens in _lengths(record)})
    rows = [_row(record, precision, lengths) for record in records for precision in _PRECISIONS]
    heads = ["model, CPU", *(f"{tokens} tokens" for tokens in lengths), "beside", "date"]
    return table(heads, rows) if rows else ""


def _row(record: Record, precision: str, lengths: list[int]) -> list[str]:
    found = {tokens: lead for tokens in _lengths(record) if (lead := _lead(record, precision, tokens))}
    missing = dict.fromkeys(_lengths(record), UNSETTLED)
    cells = [f"{found[each].ratio:.2f}" if each in found else missing.get(each, NONE) for each in lengths]
    others = ", ".join(dict.fromkeys(lead.baseline for lead in found.values())) or NONE
    name = ", ".join(filter(None, [f"{record.model} {precision}", record.cpu_kind]))
    return [name, *cells, others, record.context["date"]]


def _lengths(record: Record) -> list[int]:
    return sorted({row.case["tokens"] for row in record.rows if "tokens" in row.case})


def _lead(record: Record, precision: str, tokens: int) -> Comparison | None:
    """The comparison with the fastest other; what is ours, or of another precision, is none."""
    others = {row.contender for row in record.rows if row.precision == precision}
    others = {name for name in others if not name.startswith(("fillmask", "floor"))}
    fitting = [each for each in record.comparisons if each.contender == f"fillmask-{precision}"]
    fitting = [each for each in fitting if each.case == {"tokens": tokens} and each.baseline in others]
    return min(fitting, key=lambda each: each.ratio, default=None)
