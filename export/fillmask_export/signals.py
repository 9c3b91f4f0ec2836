"""Signals that end a command and let it remove what it has begun to write."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from fillmask.cli.signals import SignalExit


@contextmanager
def ending_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SignalExit; nohup still ignores SIGHUP.

    By default both end a process at once, and an unfinished export would stay on the disk.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SignalExit(number)
