"""The table of other CPUs in docs/int8.md, made from results/emulation.json: ``python -m tests.emulation.table``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchmarks.harness.records import findings, replace_between

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "benchmarks" / "results" / "emulation.json"
PAGE = ROOT / "docs" / "int8.md"
_START = "<!-- emulation: made by `make emulate` from benchmarks/results/emulation.json; do not edit -->"
_END = "<!-- end of emulation -->"
_PACKAGES = ("numpy", "onnxruntime", "tokenizers")


def write_page() -> Path:
    """Rewrite the page between its markers."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return PAGE


def with_table(page: str) -> str:
    """The page with the record's table."""
    return replace_between(page, _START, _END, table(findings(RECORD)))


def table(record: dict[str, Any]) -> str:
    """The table, and the machine and packages beside which the CPUs were compared."""
    machine = record["context"]
    packages = ", ".join(f"{name} {machine['packages'][name]}" for name in _PACKAGES)
    return "\n".join([
        "| CPU | model | same first token | largest difference of a score | median of a text | `fillmask verify` |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row("embedded", found) for found in record["machines"]),
        _row("the control", record["control"]),
        "",
        f"Beside an {machine['cpu_model']} with the same packages: {packages}.",
    ])  # fmt: skip


def _row(model: str, found: dict[str, Any]) -> str:
    checks = [f"{check['max_score_difference']:.1e}, {_verdict(check)}" for check in found["checks"]]
    cells = [
        f"{found['machine']}, {found['cpu']}: {found['about']}",
        model,
        f"{found['same_first']} of {found['texts']}",
        f"{found['max_score_difference']:.1e}",
        f"{found['median_score_difference']:.1e}",
        ", ".join(checks),
    ]
    return f"| {' | '.join(cells)} |"


def _verdict(check: dict[str, Any]) -> str:
    return f"{'within' if check['passed'] else 'beyond'} {check['tolerance']:.0e}"


if __name__ == "__main__":
    click.echo(write_page())
