"""Progress of a job on standard error: a bar on a terminal, else a line each 30 seconds, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from fillmask.cli.bar import bar
from fillmask.cli.streams import silence

if TYPE_CHECKING:
    from fillmask.files.part_maker import State

MODES = ("auto", "json", "none")
_SECONDS = 30.0


class Progress:
    """Shows the state of a job.

    Args:
        mode: ``"auto"``, ``"json"`` for a JSON document instead of each line, or ``"none"``.
    """

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._terminal = mode == "auto" and sys.stderr.isatty()
        self._start = monotonic()
        self._skipped = 0.0  # the fraction that earlier runs had made
        self._shown = self._start
        self._state: State | None = None
        self._bar: Any = None

    def show(self, state: State) -> None:
        """Show a state, if it is time."""
        with self._writing():
            if not state.made:
                self._begin(state)
            self._state = state
            if self._terminal:
                self._move(state)
            elif self._mode != "none" and monotonic() - self._shown >= _SECONDS:
                self._print()

    def _begin(self, state: State) -> None:
        """Measure from here on: what was read up to here was made before."""
        self._skipped, self._start = state.fraction, monotonic()
        if self._bar is not None:  # it counts from where it was made
            self._bar.close()
            self._bar = None

    def end(self) -> None:
        """Show the last state. What standard error does not take is dropped: Python would fail on it when it ends."""
        with self._writing():
            if self._bar is not None:
                self._bar.close()
            if self._state is not None and self._mode != "none":
                self._print()
        try:
            sys.stderr.flush()
        except OSError:
            silence(sys.stderr)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Where standard error is full or nobody reads it, the job goes on without progress."""
        try:
            yield
        except OSError:
            self._mode, self._terminal = "none", False
            if self._bar is not None:
                self._bar.disable = True  # tqdm would write once more when it is deleted
                self._bar = None

    def _move(self, state: State) -> None:
        if self._bar is None:
            self._bar = bar("running", 1.0, initial=self._skipped)
        facts = self._facts()
        note = f"{facts['rows']:,} rows, {facts['rows_per_second']:,.0f} rows/s, {facts['errors']:,} errors"
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(state.fraction - self._bar.n)
        self._bar.refresh()

    def _print(self) -> None:
        self._shown = monotonic()
        facts = self._facts()
        if self._mode == "json":
            click.echo(json.dumps(facts), err=True)
            return
        line = (f"{facts['fraction']:6.1%}  {facts['rows']:,} rows  {facts['rows_per_second']:,.0f} rows/s  "
                f"{facts['errors']:,} errors  {_clock(facts['seconds_left'])} left")  # fmt: skip
        click.echo(f"fillmask: {line.strip()}", err=True)

    def _facts(self) -> dict[str, Any]:
        if self._state is None:
            return {}
        state, seconds = self._state, max(monotonic() - self._start, 1e-3)
        done = state.fraction - self._skipped
        left = seconds * (1 - state.fraction) / done if done > 0 else None
        if state.fraction >= 1:
            left = 0.0
        return {
            "rows": state.counts.rows,
            "errors": state.counts.errors,
            "parts": state.counts.parts,
            "fraction": round(state.fraction, 6),
            "rows_per_second": round(state.made / seconds, 3),
            "seconds_left": None if left is None else round(left, 1),
        }


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
