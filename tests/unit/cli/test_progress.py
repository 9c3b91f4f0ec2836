import errno
import io
import json
import sys

import pytest

from fillmask.cli import progress
from fillmask.cli.progress import Progress
from fillmask.files.part_maker import State
from fillmask.files.parts import Counts


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def state(rows, made, fraction):
    return State(Counts(rows=rows, errors=2, parts=1), made, fraction)


def test_without_a_terminal_there_is_a_line_each_30_seconds(clock, capsys):
    shown = Progress("auto")
    for second in range(61):
        clock[0] = 100.0 + second
        shown.show(state(100 * second, 100 * second, second / 120))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "fillmask: 25.0%  3,000 rows  100 rows/s  2 errors  0:01:30 left",
        "fillmask: 50.0%  6,000 rows  100 rows/s  2 errors  0:01:00 left",
    ]


def test_rate_and_time_left_count_only_what_this_run_made(clock, capsys):
    shown = Progress("json")
    shown.show(state(5000, 0, 0.5))
    clock[0] += 50
    shown.show(state(5500, 500, 0.55))
    assert json.loads(capsys.readouterr().err) == {
        "rows": 5500,
        "errors": 2,
        "parts": 1,
        "fraction": 0.55,
        "rows_per_second": 10.0,
        "seconds_left": 450.0,
    }


def test_a_terminal_has_a_bar_from_where_an_earlier_run_ended(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = Progress("auto")
    shown.show(state(5000, 0, 0.5))
    clock[0] += 10
    shown.show(state(6000, 1000, 0.6))
    shown.end()
    lines = capsys.readouterr().err.split("\r")
    assert any(line.startswith("running:  50%|") for line in lines)
    assert any("running:  60%|" in line and "6,000 rows, 100 rows/s, 2 errors" in line for line in lines)
    assert lines[-1] == "fillmask: 60.0%  6,000 rows  100 rows/s  2 errors  0:00:40 left\n"


def test_a_resumed_job_counts_from_its_first_row_of_its_own(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = Progress("auto")
    shown.show(state(0, 0, 0.0))
    clock[0] += 1  # complete parts are read over
    shown.show(state(5000, 0, 0.5))
    assert shown._bar.initial == 0.5
    clock[0] += 100
    shown.show(state(6000, 1000, 0.6))
    shown.end()
    assert capsys.readouterr().err.endswith("\rfillmask: 60.0%  6,000 rows  10 rows/s  2 errors  0:06:40 left\n")


def test_none_shows_nothing(clock, capsys):
    shown = Progress("none")
    clock[0] += 100
    shown.show(state(1, 1, 0.5))
    shown.end()
    assert capsys.readouterr().err == ""


def test_the_end_of_a_job_that_had_nothing_to_do_is_silent(capsys):
    Progress("auto").end()
    assert capsys.readouterr().err == ""


class FullTerminal(io.StringIO):
    """A standard error that takes nothing more from some time on."""

    full = False

    def isatty(self):
        return True

    def write(self, text):
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.mark.parametrize("mode", ["auto", "json"])
def test_an_error_of_writing_switches_progress_off(clock, monkeypatch, mode):
    monkeypatch.setattr(sys, "stderr", error := FullTerminal())
    shown = Progress(mode)
    shown.show(state(0, 0, 0.0))
    error.full = True
    for _ in range(2):
        clock[0] += 40
        shown.show(state(10, 10, 0.1))
    shown.end()
    error.full, before = False, error.getvalue()
    clock[0] += 40
    shown.show(state(20, 20, 0.2))
    shown.end()
    assert error.getvalue() == before


def test_an_error_of_writing_the_last_line_is_none_of_the_job(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", error := FullTerminal())
    error.isatty = lambda: False
    shown = Progress("auto")
    shown.show(state(10, 10, 1.0))
    error.full = True
    shown.end()
