"""The one progress bar of all commands: on a terminal, counts, time spent and time left; elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from threading import RLock
from typing import Any, TypeVar

from tqdm import tqdm  # type: ignore[import-untyped]

T = TypeVar("T")


class _Bar(tqdm):  # type: ignore[misc]
    """A bar with a lock of its own, and without the thread that watches tqdm's bars.

    tqdm leaves its lock locked where a signal or an error ends a write. The thread then waits for that lock, and the
    interpreter, at its end, for the thread (before tqdm 4.70).
    """

    monitor_interval = 0


_Bar.set_lock(RLock())


def bar(what: str, total: float | None, unit: str | None = None, *, initial: float = 0) -> Any:  # noqa: ANN401 -- tqdm
    """Make a bar of tqdm, which ``update`` moves on, and ``set_postfix_str`` gives a note.

    Args:
        what: The step, in words.
        total: How much there is to do; None if that is not known.
        unit: What is counted; None shows the bar alone.
        initial: What was done before.
    """
    counts = "" if unit is None else f"{{n_fmt}}/{{total_fmt}} {unit}, "
    shown = f"{{l_bar}}{{bar}}| {counts}{{elapsed}} spent, {{remaining}} left{{postfix}}"
    options = {"disable": None, "leave": False, "dynamic_ncols": True, "smoothing": 0, "file": sys.stderr}
    return _Bar(total=total, initial=initial, desc=what, bar_format=shown, **options)


def track(items: Iterable[T], what: str, unit: str = "texts", *, total: int | None = None) -> Iterator[T]:
    """Yield items; if standard error is a terminal, a bar shows how many are done and the time left.

    Args:
        items: What the step goes through.
        what: The step, in words.
        unit: What the items are.
        total: How many there are, where ``items`` has no length.
    """
    with bar(what, len(items) if total is None else total, unit) as shown:  # type: ignore[arg-type]
        for item in items:
            yield item
            shown.update()


def beside_bars() -> AbstractContextManager[None]:
    """Take the bars off standard error while something else is written to it."""
    beside: AbstractContextManager[None] = _Bar.external_write_mode(file=sys.stderr)
    return beside
