"""Predictions on the terminal: a table for people, a JSON document a line for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import click

from fillmask.errors import InputError

if TYPE_CHECKING:
    from fillmask.tasks.predict import Prediction, Predictions

T = TypeVar("T")

_BAR_COLUMNS = 20  # of a score of 1
_EIGHTHS = " ▏▎▍▌▋▊▉"


def show(text: str, outcome: Predictions | InputError, *, as_json: bool) -> None:
    """Print the predictions for a text on standard output, or what is wrong with it on standard error."""
    if isinstance(outcome, InputError):
        show_error(text, outcome, as_json=as_json)
    elif as_json:
        masks = [[asdict(prediction) for prediction in predictions] for predictions in outcome]
        click.echo(json.dumps({"inputs": text, "predictions": masks}))
    else:
        click.echo("\n".join(["", text, *_tables(outcome), ""]))


def show_each(
    texts: Iterable[str], outcomes: Iterable[T | InputError], show_value: Callable[[str, T], None], *, as_json: bool
) -> bool:
    """Print the outcome of each text as it comes.

    Returns:
        Whether one of them is an error.
    """
    failed = False
    for text, outcome in zip(texts, outcomes, strict=False):
        if isinstance(outcome, InputError):
            failed = True
            show_error(text, outcome, as_json=as_json)
        else:
            show_value(text, outcome)
    return failed


def show_error(text: str, error: InputError, *, as_json: bool) -> None:
    """Print what is wrong with a text on standard error, and as a document on standard output if those are wanted."""
    click.echo(f"fillmask: {_shortened(text)!r}: {error}", err=True)
    if as_json:
        click.echo(json.dumps({"inputs": text, "error": str(error), "error_type": type(error).__name__}))


def _tables(masks: Predictions) -> list[str]:
    lines = []
    for index, predictions in enumerate(masks, start=1):
        lines.append(f"\n mask {index} of {len(masks)}" if len(masks) > 1 else "")
        width = max((len(prediction.token_str) for prediction in predictions), default=0)
        # With several masks the sequence still has the others, and the special tokens: nothing that people read.
        lines += [_row(prediction, width, sequence=len(masks) == 1) for prediction in predictions]
    return lines


def _row(prediction: Prediction, width: int, *, sequence: bool) -> str:
    score = f" {prediction.score:7.2%}  {bar(prediction.score)}  "
    return score + (f"{prediction.token_str:{width}}  {prediction.sequence}" if sequence else prediction.token_str)


def bar(score: float) -> str:
    """A bar as wide as a score from 0 to 1, in eighths of a column.

    Example: ``bar(0.5)`` is ten full columns and ten spaces.
    """
    whole, eighths = divmod(round(score * _BAR_COLUMNS * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths])[:_BAR_COLUMNS].ljust(_BAR_COLUMNS)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
