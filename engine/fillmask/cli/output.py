"""An answer on the terminal: a table for people, a JSON document a line for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fillmask.errors import InputError

if TYPE_CHECKING:
    from fillmask.decoding import Prediction

_BAR = 20  # columns of the bar of a score of 1
_EIGHTHS = " ▏▎▍▌▋▊▉"


def show(text: str, answer: list[list[Prediction]] | InputError, *, as_json: bool) -> None:
    """Print the answer to a text on standard output; what is wrong with it goes to standard error."""
    if isinstance(answer, InputError):
        click.echo(f"fillmask: {_shortened(text)!r}: {answer}", err=True)
        if as_json:
            click.echo(json.dumps({"inputs": text, "error": str(answer), "error_type": type(answer).__name__}))
    elif as_json:
        masks = [[asdict(prediction) for prediction in predictions] for predictions in answer]
        click.echo(json.dumps({"inputs": text, "predictions": masks}))
    else:
        click.echo("\n".join(["", text, *_tables(answer), ""]))


def _tables(masks: list[list[Prediction]]) -> list[str]:
    lines = []
    for index, predictions in enumerate(masks, start=1):
        lines.append(f"\n mask {index} of {len(masks)}" if len(masks) > 1 else "")
        width = max((len(prediction.token_str) for prediction in predictions), default=0)
        lines += [
            f" {prediction.score:7.2%}  {bar(prediction.score)}  {prediction.token_str:{width}}  {prediction.sequence}"
            for prediction in predictions
        ]
    return lines


def bar(score: float) -> str:
    """A bar as wide as a score from 0 to 1, in eighths of a column.

    Example: ``bar(0.5)`` is ten full columns and ten spaces.
    """
    whole, eighths = divmod(round(score * _BAR * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths])[:_BAR].ljust(_BAR)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
