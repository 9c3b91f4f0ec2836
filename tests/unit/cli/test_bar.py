"""A bar on a terminal; nothing anywhere else."""

import io
import subprocess
import sys

import pytest

from fillmask.cli.bar import bar, beside_bars, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def at_terminal(monkeypatch):
    """Makes standard error a terminal. Pytest sets it again after a fixture."""

    def make():
        monkeypatch.setattr(sys, "stderr", written := Terminal())
        return written

    return make


def test_on_a_terminal_it_counts_and_gives_the_time_left(at_terminal):
    terminal = at_terminal()
    items = track(["a", "b", "c"], "running fp32")
    assert next(items) == "a"
    assert "running fp32:" in terminal.getvalue()
    assert "0/3 texts, 00:00 spent, ? left" in terminal.getvalue()
    assert list(items) == ["b", "c"]


def test_what_has_no_length_gets_its_total(at_terminal):
    terminal = at_terminal()
    assert list(track(iter("ab"), "running", "lines", total=2)) == ["a", "b"]
    assert "0/2 lines" in terminal.getvalue()


def test_a_bar_alone_has_no_counts_and_a_note_behind_the_times(at_terminal):
    terminal = at_terminal()
    with bar("timing", 1.0, initial=0.5) as shown:
        shown.set_postfix_str("7 steps")
    line = terminal.getvalue().split("\r")[-3]
    assert line.startswith("timing:  50%|")
    assert line.rstrip().endswith("left, 7 steps")
    assert "0.5/1.0" not in line


def test_lines_stand_above_the_bar(at_terminal):
    terminal = at_terminal()
    with bar("running", 2, "texts"), beside_bars():
        terminal.write("a line\n")
    before, _, after = terminal.getvalue().partition("a line\n")
    assert before.endswith("\r")
    assert "running" in after


def test_elsewhere_nothing_is_written(monkeypatch):
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    assert list(track([1, 2], "running")) == [1, 2]
    assert file.getvalue() == ""


def test_a_process_ends_though_a_signal_ended_a_write_of_its_bar(tmp_path):
    """tqdm leaves its lock locked there, and its own thread, which the interpreter joins, would wait for that lock."""
    script = tmp_path / "script.py"
    script.write_text(
        """
import io, sys, time
import tqdm
tqdm.tqdm.monitor_interval = 0.05
from fillmask.cli.bar import bar

class Terminal(io.StringIO):
    isatty = lambda self: True
    signal = False
    def write(self, text):
        if self.signal:
            raise KeyboardInterrupt
        return len(text)

sys.stderr = Terminal()
shown = bar("running", 2)
sys.stderr.signal = True
try:
    shown.refresh()
except KeyboardInterrupt:
    shown.disable = True
time.sleep(1)
sys.stderr = sys.__stderr__
print("ended")
"""
    )
    ended = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")
