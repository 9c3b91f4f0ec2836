"""The table of other CPUs in docs/int8.md, made from the results: ``python -m benchmarks.emulation.tables``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.results import between

_RESULTS = Path(__file__).parents[1] / "results" / "emulation.json"
_PAGE = Path(__file__).parents[2] / "docs" / "int8.md"
_START = "<!-- emulation: made by `make emulate` from benchmarks/results/emulation.json; do not edit -->"
_END = "<!-- end of emulation -->"


def main() -> Path:
    """Rewrite the page between its markers."""
    _PAGE.write_text(with_table(_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return _PAGE


def write(record: dict[str, Any]) -> Path:
    """Write the results and, with them, the page."""
    _RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    return main()


def with_table(page: str) -> str:
    """The page with the table that the results make."""
    return between(page, _START, _END, table(json.loads(_RESULTS.read_text())))


def table(record: dict[str, Any]) -> str:
    """The table."""
    packages = ", ".join(f"{name} {version}" for name, version in record["packages"].items())
    return "\n".join([
        "| CPU | model | same first token | largest difference of a score | median of a text | `fillmask verify` |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row("embedded", machine) for machine in record["machines"]),
        _row("the control", record["control"]),
        "",
        f"Beside an {record['here']} with the same packages: {packages}.",
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
    print(main())
