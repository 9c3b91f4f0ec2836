"""The README's table of numbers, made from results/: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.results import between

_RESULTS = Path(__file__).parent / "results"
_README = Path(__file__).parent.parent / "README.md"
_START = "<!-- numbers: made by `make bench` from benchmarks/results; do not edit -->"
_END = "<!-- end of numbers -->"
_BATCHES = "batches of 16, two threads"


def main() -> None:
    """Rewrite the README between its markers."""
    _README.write_text(with_numbers(_README.read_text(encoding="utf-8")), encoding="utf-8")


def with_numbers(readme: str) -> str:
    """The README with the table that the results make."""
    return between(readme, _START, _END, table())


def table() -> str:
    """The table."""
    startup, overhead, throughput = map(_read, ("startup", "overhead", "throughput"))
    ours, theirs = (statistics.median(startup[f"{name}_s"]) for name in ("fillmask", "transformers"))
    return "\n".join([
        "| question | fillmask | transformers | ratio | command |",
        "| --- | --- | --- | --- | --- |",
        f"| process start to first answer | {ours:.2f} s | {theirs:.2f} s | {startup['ratio']:.3f} | "
        "`python -m benchmarks.startup` |",
        f"| share of a call outside ONNX Runtime, {overhead['tokens']} tokens, {overhead['threads']} thread | "
        f"{overhead['share_outside']:.1%} | | | `python -m benchmarks.overhead` |",
        f"| {throughput['texts']} texts of {throughput['mean_tokens']:.0f} tokens, batches of 16 in two threads beside "
        f"one by one in two | {throughput['ratios'][_BATCHES]:.2f} times as many a second | | | "
        "`python -m benchmarks.throughput` |",
        "",
        _machine(startup["machine"]),
    ])  # fmt: skip


def _read(question: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_RESULTS / f"{question}.json").read_text(encoding="utf-8"))
    return found


def _machine(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return f"Measured {machine['date']} on {machine['threads']} cores of an {machine['cpu']}; {packages}."


if __name__ == "__main__":
    main()
