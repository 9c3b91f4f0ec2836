"""Numbers as the pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, TypeGuard

import numpy as np

from benchmarks.harness.records import Comparison, Row

_DOUBT = 0.01
NONE = "—"


def in_rounds(samples: Sequence[list[float]] | Sequence[float]) -> TypeGuard[Sequence[list[float]]]:
    """Whether each round has a list of calls, not a value."""
    return bool(samples) and isinstance(samples[0], list)


def flat(row: Row) -> list[float]:
    """All samples of a row."""
    return list(chain.from_iterable(row.samples)) if in_rounds(row.samples) else list(row.samples)  # type: ignore[arg-type]


def cell(row: Row) -> str:
    """A row in a cell: percentiles of calls, the median of values of rounds, or why it failed."""
    if row.failed is not None:
        return f"*failed: {one_line(row.failed)}*"
    samples = flat(row)
    if not in_rounds(row.samples):
        return number(float(np.median(samples)), row.unit)
    shown = [number(float(np.percentile(samples, q))) if enough_for(q, len(samples)) else NONE for q in (50, 90, 99)]
    return " / ".join(shown)


def one_line(text: str) -> str:
    """A text that a cell of a table can hold."""
    return " ".join(text.split()).replace("|", "\\|")


def enough_for(q: float, n: int) -> bool:
    """Whether ``n`` calls suffice for the ``q``-th percentile: 11 for p50, 64 for p90, 662 for p99.

    With fewer, the probability that at most one of them exceeds it is above 1 %.
    """
    above = 1 - q / 100
    at_most_one = (1 - above) ** n + n * above * (1 - above) ** (n - 1)
    return n > 0 and at_most_one <= _DOUBT


def number(value: float, unit: str = "") -> str:
    """Three significant digits: ``1234567`` is ``1,230,000``; a share that is not tiny is a percentage.

    Example: ``number(0.9691, "share")`` is ``"96.9 %"``, ``number(1.23e-6, "share")`` is ``"1.2e-06"``.
    """
    if not value:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if abs(value) >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:#.3g}".rstrip(".")


def interval(compared: Comparison) -> str:
    """A ratio with its interval, ``2.31× [2.22, 2.40]``, marked where it is within the noise."""
    digits = 2 if compared.ratio >= 0.5 else 3
    shown = f"{compared.ratio:.{digits}f}×"
    if compared.low < compared.high:  # else it was counted
        shown += f" [{compared.low:.{digits}f}, {compared.high:.{digits}f}]"
    return shown if compared.claim != "none" else f"{shown} *no difference*"


def case_text(case: Mapping[str, Any]) -> str:
    """A case as text: ``{"tokens": 16, "step": "run", "size": 512}`` is ``16 tokens, run, size 512``."""
    texts = {name: value if isinstance(value, str) else f"{name} {value}" for name, value in case.items()}
    return ", ".join(f"{case[name]} tokens" if name == "tokens" else text for name, text in texts.items())


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    marks = ["---", *["--:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))
