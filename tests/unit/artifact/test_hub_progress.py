"""Bars of huggingface_hub."""

import io

import pytest

from fillmask.artifact.hub_progress import TerminalBar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("file", "options", "shown"),
    [
        (Terminal(), {"total": 2}, True),
        (Terminal(), {"total": 0}, False),
        (Terminal(), {"total": 0, "unit": "B"}, True),  # the bar of bytes, whose total grows
        (Terminal(), {"total": 2, "disable": True}, False),
        (io.StringIO(), {"total": 2}, False),
        (io.StringIO(), {"total": 2, "disable": False}, False),
    ],
)
def test_a_bar_is_for_a_terminal_and_for_files(file, options, shown):
    with TerminalBar(file=file, **options) as bar:
        bar.update(1)
    assert bool(file.getvalue()) is shown
