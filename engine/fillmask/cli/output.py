"""Predictions on the terminal: a table for people, a JSON document a line for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from fillmask.cli import colour
from fillmask.cli.inputs import Texts
from fillmask.cli.masks import like_a_mask
from fillmask.errors import InputError, NoMaskError

if TYPE_CHECKING:
    from fillmask.tasks.predict import Predictions

T = TypeVar("T")

_LONGEST_NAME = 200
_BAR_COLUMNS = 20  # of a score of 1
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        score: From 0 to 1.
        cells: What stands behind the score and its bar.
    """

    score: float
    cells: tuple[str, ...]


def show(text: str, predictions: Predictions, *, as_json: bool) -> None:
    """Print the predictions for a text."""
    if as_json:
        show_document(text, "predictions", predictions)
    else:
        # With several masks the sequence still has the others, and the special tokens: nothing that people read.
        alone = len(predictions) == 1
        cells = attrgetter("token_str", "sequence") if alone else lambda one: (one.token_str,)
        show_tables(text, [[Row(one.score, cells(one)) for one in each] for each in predictions])


def show_document(text: str, name: str, value: object) -> None:
    """Print the result for a text as one line of JSON."""
    from fillmask.results import as_json

    click.echo(json.dumps({"inputs": text, name: as_json(value)}))


def show_tables(text: str, tables: Sequence[Sequence[Row]]) -> None:
    """Print a text and a table for each of its masks: for people in colour where it can be, else plain."""
    coloured = colour.is_wanted()
    click.echo()
    colour.print_text(text) if coloured else click.echo(text)
    for index, rows in enumerate(tables, start=1):
        click.echo(f"\n mask {index} of {len(tables)}" if len(tables) > 1 else "")
        if coloured:
            colour.print_rows(rows)
        else:
            click.echo("".join(f"{line}\n" for line in _lines(rows)), nl=False)
    click.echo()


def show_each(
    texts: Iterable[str],
    outcomes: Iterable[T | InputError],
    show_value: Callable[[str, T], None],
    *,
    as_json: bool,
    given: Texts,
) -> bool:
    """Print the outcome of each text as it comes; an error names the line, where the texts are lines.

    Args:
        texts: In order.
        outcomes: Of each text.
        show_value: Prints a text and its result.
        as_json: Whether an error becomes a document on standard output too.
        given: Where the texts come from, and how many there are if a bar is to show it.

    Returns:
        Whether one of them is an error.
    """
    failed = False
    beside: Callable[[], AbstractContextManager[None]] = nullcontext
    if given.total is not None:
        from fillmask.cli.bar import beside_bars, track  # 20 ms, which a text alone need not pay

        outcomes, beside = track(outcomes, "running", total=given.total), beside_bars
    for number, (text, outcome) in enumerate(zip(texts, outcomes, strict=False), start=1):
        if isinstance(outcome, InputError):
            failed = True
            with beside():
                show_error(text, outcome, as_json=as_json, line=number if given.by_line else None)
        else:
            show_value(text, outcome)
    return failed


def show_error(text: str, error: InputError, *, as_json: bool, line: int | None = None) -> None:
    """Print what is wrong with a text on standard error, and as a document on standard output if those are wanted."""
    where = "" if line is None else f"line {line}: "
    click.echo(f"fillmask: {where}{_shortened(text)!r}: {error}{_hint(text, error)}", err=True)
    if as_json:
        click.echo(json.dumps({"inputs": text, "error": str(error), "error_type": type(error).__name__}))


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows), strict=True)]
    for row in rows:
        cells = [f"{cell:{width}}" for cell, width in zip(row.cells[:-1], widths, strict=False)]
        yield "  ".join([f" {row.score:7.2%}", bar(row.score), *cells, row.cells[-1]])


def bar(score: float, columns: int = _BAR_COLUMNS) -> str:
    """A bar as wide as a score from 0 to 1, in eighths of a column; ``columns`` is a score of 1.

    Example: ``bar(0.5)`` is ten full columns and ten spaces.
    """
    whole, eighths = divmod(round(score * columns * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths])[:columns].ljust(columns)


def _hint(text: str, error: InputError) -> str:
    """What to write, where no mask was found."""
    if not isinstance(error, NoMaskError):
        return ""
    if len(text) < _LONGEST_NAME and os.path.isfile(text):
        return "; it is a file: --file reads its lines"
    if (found := like_a_mask(text)) is not None:
        return f"; did you mean [MASK] in place of {found}?"
    return "; write [MASK], <mask> or {mask} for the word to predict"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
