"""Tables for people at a terminal where rich is installed: colour, and columns as wide as the terminal allows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from fillmask.cli.output import Row

_NARROW = 70  # columns of a terminal below which bars are half as long
_MASKS = r"\[MASK\]|<mask>|\{mask\}"


def is_wanted() -> bool:
    """Whether standard output is a terminal and rich is there; rich itself minds NO_COLOR and TERM."""
    return sys.stdout.isatty() and find_spec("rich") is not None


def print_text(text: str) -> None:
    """Print a text with its masks in bold, broken between words where the terminal ends."""
    from rich.console import Console
    from rich.text import Text

    shown = Text(text)
    shown.highlight_regex(_MASKS, "bold")
    Console(highlight=False).print(shown)


def print_rows(rows: Sequence[Row]) -> None:
    """Print rows as a table; the best is bold, and cells that do not fit end in an ellipsis."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fillmask.cli.output import bar

    console = Console(highlight=False)
    columns = 20 if console.width >= _NARROW else 10
    table = Table.grid(padding=(0, 2, 0, 0))
    lines = [(f" {row.score:7.2%}", bar(row.score, columns), *row.cells) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for width in [*widths[:-1], None]:  # the last column alone gets narrower than its cells
        table.add_column(no_wrap=width is not None, min_width=width)
    for index, (score, drawn, *cells) in enumerate(lines):
        table.add_row(score, Text(drawn, style="cyan"), *map(_cell, cells), style="" if index else "bold")
    console.print(table)


def _cell(content: str) -> Text:
    from rich.text import Text

    return Text(content, no_wrap=True, overflow="ellipsis")
