"""The scorecard: `make reliability`, or `python tests/reliability/scorecard.py [NAME]…` for some of its rows.

Writes what was measured to ``benchmarks/results/reliability.json`` and from that the table of ``docs/reliability.md``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "server")]

import click  # noqa: E402
import fault_rows  # noqa: E402
import input_rows  # noqa: E402
import load_rows  # noqa: E402
from rows import Measure, Row, Scale  # noqa: E402

from benchmarks import results  # noqa: E402

MEASURES: dict[str, Measure] = {
    measure.__name__: measure for module in (load_rows, fault_rows, input_rows) for measure in module.MEASURES
}
STORED = ROOT / "benchmarks" / "results" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
START, END = "<!-- scorecard: made by `make reliability`; do not edit -->", "<!-- end of the scorecard -->"


@click.command()
@click.argument("names", nargs=-1)
@click.option("--scale", default=1.0, show_default=True, help="How much is done, of the whole.")
def main(names: tuple[str, ...], scale: float) -> None:
    """Measure, and write the page; rows that are not measured keep what they had."""
    stored = json.loads(STORED.read_text())["rows"] if STORED.exists() else {}
    for name in names or MEASURES:
        stored[name] = [asdict(row) for row in MEASURES[name](Scale(scale))]
        for row in stored[name]:
            click.echo(f"{'passed' if row['passed'] else 'FAILED'}  {row['test']}: {row['figure']}")
        results.write("reliability", {"rows": stored})
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), json.loads(STORED.read_text())), encoding="utf-8")
    sys.exit(not all(row["passed"] for rows in stored.values() for row in rows))


def with_table(page: str, record: dict) -> str:
    """The page with the table of what was measured."""
    return results.between(page, START, END, table(record))


def table(record: dict) -> str:
    """The table, and what it was measured on."""
    rows = [Row(**row) for name in MEASURES for row in record["rows"].get(name, [])]
    lines = [
        f"| {row.area} | {row.test} | {row.criterion} | {row.figure} | {'yes' if row.passed else '**no**'} |"
        for row in rows
    ]
    machine = record["machine"]
    return "\n".join([
        "| area | test | criterion | measured | passed |",
        "| --- | --- | --- | --- | --- |",
        *lines,
        "",
        f"{sum(row.passed for row in rows)} of {len(rows)} passed. Measured {machine['date']} on {machine['threads']} "
        f"cores of an {machine['cpu']}, the load generator beside the server on the same cores.",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
