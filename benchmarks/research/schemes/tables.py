"""The tables of docs/int8.md, made from results/schemes.json: ``python -m benchmarks.research.schemes.tables``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.harness.records import findings, replace_between
from benchmarks.research.schemes.graphs import DYNAMIC, SCHEMES
from benchmarks.research.schemes.times import LENGTHS
from fillmask.bench.ratios import paired_ratio

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "benchmarks" / "results" / "schemes.json"
PAGE = ROOT / "docs" / "int8.md"
_START = "<!-- schemes: made by `make schemes` from benchmarks/results/schemes.json; do not edit -->"
_END = "<!-- end of schemes -->"


def write_page() -> Path:
    """Rewrite the page between its markers."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return PAGE


def with_tables(page: str) -> str:
    """The page with the record's tables."""
    models = findings(RECORD)["models"]
    made = "\n\n".join(table(name, model) for name, model in models.items())
    return replace_between(page, _START, _END, made)


def table(name: str, model: dict[str, Any]) -> str:
    """The table of a model."""
    lengths = " | ".join(f"time, {tokens} tokens" for tokens in LENGTHS)
    return "\n".join([
        f"**{name}**: {_about(model)}",
        "",
        f"| scheme | same first | mean KL | accuracy | {lengths} | MB | batch moves a score by | no VNNI |",
        "| --- " * (7 + len(LENGTHS)) + "|",
        *(_row(scheme, model) for scheme in SCHEMES),
    ])  # fmt: skip


def _about(model: dict[str, Any]) -> str:
    dynamic = ", ".join(
        f"{statistics.median(model['times_ms'][str(tokens)][DYNAMIC]):.1f} ms at {tokens} tokens" for tokens in LENGTHS
    )
    weights = f"accuracy in PyTorch {model['checkpoint_accuracy']:.1%}" if model["trained"] else "random weights"
    return f"{model['masks']} masks in {model['probes']}, {weights}; a time of 1 is {dynamic}."


def _row(scheme: str, model: dict[str, Any]) -> str:
    found, times = model["schemes"][scheme], model["times_ms"]
    # A relative size: the scheme's time over that of dynamic int8.
    ratios = [paired_ratio(times[str(tokens)][scheme], times[str(tokens)][DYNAMIC]).value for tokens in LENGTHS]
    cells = [
        SCHEMES[scheme].title,
        f"{found['top_1_agreement']:.3f}",
        f"{found['mean_kl']:.5f}",
        f"{found['accuracy']:.1%}" if model["trained"] else "",
        *(f"{each:.2f}" for each in ratios),
        f"{found['bytes'] / 1e6:.0f}",
        f"{found['batch_difference']:.1g}",
        "yes" if found["pairs_fit"] else "no",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(write_page())
