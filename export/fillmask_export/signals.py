"""Signals that end a command and let it remove what it has begun to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from fillmask.cli.signals import SignalExit
from fillmask.signal_handlers import handling


@contextmanager
def ending_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SignalExit; nohup still ignores SIGHUP.

    By default both end a process at once, and an unfinished export would stay on the disk.
    """
    with handling("SIGTERM", "SIGHUP", handler=_end):
        yield


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SignalExit(number)
