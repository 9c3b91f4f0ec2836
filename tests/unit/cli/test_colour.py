"""Tables at a terminal, drawn by rich into a string."""

import io
import re
import sys

import pytest

from fillmask.cli import colour
from fillmask.cli.output import Row, show_tables

pytest.importorskip("rich")
ESCAPE = re.compile(r"\x1b\[[\d;]*m")
ROWS = [Row(0.75, ("東京", "東京 is large")), Row(0.25, ("Paris", "Paris is large, and so is its town hall"))]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Print at a terminal of so many columns; gives the lines."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def shown(columns, command, *arguments):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "stdout", written := Terminal())
        command(*arguments)
        return written.getvalue().splitlines()

    return shown


def test_the_best_is_bold_and_bars_are_coloured(terminal):
    first, second = terminal(80, colour.print_rows, ROWS)
    assert first.startswith("\x1b[1m  75.00%")
    assert "\x1b[36m█████" in second
    assert "\x1b[1m" not in second


def test_without_colour_there_is_none(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3\d", "\n".join(terminal(80, colour.print_rows, ROWS)))


def test_columns_are_as_wide_as_what_a_terminal_shows(terminal):
    first, second = (ESCAPE.sub("", line) for line in terminal(80, colour.print_rows, ROWS))
    assert first.rstrip() == f"  75.00%  {'█' * 15}{' ' * 5}  東京   東京 is large"
    assert second.rstrip() == f"  25.00%  {'█' * 5}{' ' * 15}  Paris  Paris is large, and so is its town hall"


def test_on_a_narrow_terminal_bars_are_half_as_long_and_only_the_last_cell_is_cut(terminal):
    second = ESCAPE.sub("", terminal(50, colour.print_rows, ROWS)[1])
    assert second == f"  25.00%  {'██▌':10}  Paris  Paris is large, and …"
    assert len(second) <= 50


def test_what_looks_like_markup_is_a_text_as_any_other(terminal):
    (line,) = terminal(80, colour.print_text, "[red]x[/red] [MASK] <mask>")
    assert line == "[red]x[/red] \x1b[1m[MASK]\x1b[0m \x1b[1m<mask>\x1b[0m"


def test_no_rows_are_no_lines(terminal):
    assert terminal(80, colour.print_rows, []) in ([], [""])


@pytest.mark.parametrize(("installed", "coloured"), [(None, False), (object(), True)])
def test_colour_needs_a_terminal_and_rich(terminal, monkeypatch, installed, coloured):
    monkeypatch.setattr(colour, "find_spec", lambda _: installed)
    assert ("\x1b[" in "".join(terminal(80, show_tables, "the [MASK]", [ROWS]))) is coloured
    monkeypatch.setattr(sys, "stdout", written := io.StringIO())
    show_tables("the [MASK]", [ROWS])
    assert "\x1b" not in written.getvalue()
