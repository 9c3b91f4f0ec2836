"""Signals that stop a training."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fillmask.signal_handlers import handling


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT, SIGTERM and SIGHUP set; nohup still ignores SIGHUP.

    Outside the main thread, which alone gets signals, it is never set.
    """
    event = threading.Event()
    with handling("SIGINT", "SIGTERM", "SIGHUP", handler=lambda *_: event.set()):
        yield event
