"""A bar on a terminal; nothing anywhere else."""

import io
import sys

from fillmask_export.progress import track


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_it_counts_and_gives_the_time_left(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    items = track(["a", "b", "c"], "running fp32")
    assert next(items) == "a"
    assert "running fp32:" in terminal.getvalue()
    assert "0/3 [" in terminal.getvalue()
    assert list(items) == ["b", "c"]


def test_elsewhere_nothing_is_written(monkeypatch):
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    assert list(track([1, 2], "running")) == [1, 2]
    assert file.getvalue() == ""
