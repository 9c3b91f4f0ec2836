"""The table of other CPUs in docs/int8.md, made from the results: ``python -m benchmarks.emulation.tables``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.records import findings, replace_between
from benchmarks.harness.suite import write_findings

_RESULTS = Path(__file__).parents[1] / "results" / "emulation.json"
_PAGE = Path(__file__).parents[2] / "docs" / "int8.md"
_START = "<!-- emulation: made by `make emulate` from benchmarks/results/emulation.json; do not edit -->"
_END = "<!-- end of emulation -->"
_PACKAGES = ("numpy", "onnxruntime", "tokenizers")


def main() -> Path:
    """Rewrite the page between its markers."""
    _PAGE.write_text(with_table(_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return _PAGE


def write(found: dict[str, Any]) -> Path:
    """Write the results and, with them, the page."""
    write_findings("emulation", "make emulate", found)
    return main()


def with_table(page: str) -> str:
    """The page with the table that the results make."""
    return replace_between(page, _START, _END, table(findings(_RESULTS)))


def table(record: dict[str, Any]) -> str:
    """The table."""
    packages = ", ".join(f"{name} {record['context']['packages'][name]}" for name in _PACKAGES)
    return "\n".join([
        "| CPU | model | same first token | largest difference of a score | median of a text | `fillmask verify` |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_row("embedded", machine) for machine in record["machines"]),
        _row("the control", record["control"]),
        "",
        f"Beside an {record['context']['cpu_model']} with the same packages: {packages}.",
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
