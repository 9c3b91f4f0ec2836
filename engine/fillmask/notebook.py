"""Results as HTML tables with bars, for notebooks. Imported when a notebook shows the first one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fillmask.tasks.score import Score

# What a table shows of a result: the first of these fields that it has as its name, and the first others as its text.
_NAMES = ("token_str", "label", "filled", "text")
_TEXTS = ("filled", "sequence")
_CELL = "text-align:left;vertical-align:middle"
_BAR = "height:0.8em;min-width:1px;border-radius:2px;background:#4c78dd"


def results_html(results: Sequence[Any]) -> str:
    """Write one table for each mask, or one for all results where they are of no mask."""
    masks = [item for item in results if isinstance(item, list)]
    if not masks:
        return _table(list(results))
    if len(masks) == 1:
        return _table(masks[0])
    return "".join(f"<p>mask {index}</p>{_table(mask)}" for index, mask in enumerate(masks, start=1))


def score_html(score: Score) -> str:
    """Write the words of a text, each with its log probability and a bar of its surprisal."""
    least = min((word.log_prob for word in score.words if isfinite(word.log_prob)), default=0.0)
    rows = [
        _row(f"{word.log_prob:.2f}", min(1.0, word.log_prob / (least or -1.0)), [word.text]) for word in score.words
    ]
    title = f"log_prob {score.log_prob:.2f}, perplexity {score.perplexity:.4g}"
    return f"<p>{title}</p><table><tbody>{''.join(rows)}</tbody></table>"


def _table(results: Sequence[Any]) -> str:
    """A row for each result; the bar of the highest score is full, so that close scores can be compared."""
    most = max((result.score for result in results), default=0.0)
    rows = [_row(f"{result.score:.2%}", result.score / most if most else 0.0, _columns(result)) for result in results]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _columns(result: Any) -> list[str]:  # noqa: ANN401 -- any result with a score
    name = next(field for field in _NAMES if hasattr(result, field))
    text = next((field for field in _TEXTS if hasattr(result, field) and field != name), None)
    return [getattr(result, name)] + ([getattr(result, text)] if text else [])


def _row(number: str, share: float, columns: Sequence[str]) -> str:
    bar = f'<div style="{_BAR};width:{share:.1%}"></div>'
    cells = "".join(f'<td style="{_CELL}">{escape(column)}</td>' for column in columns)
    return f'<tr><td style="text-align:right">{number}</td><td style="{_CELL};min-width:8em">{bar}</td>{cells}</tr>'
