"""Handlers of signals for the time of a block."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def handling(*names: str, handler: Callable[[int, FrameType | None], object] | None = None) -> Iterator[None]:
    """Give signals a handler within a block, and after it those that they had, whatever was set meanwhile.

    A signal that is ignored, as SIGHUP is under nohup, stays so. Outside the main thread, which alone gets signals,
    nothing changes.

    Args:
        names: Signals, such as ``"SIGTERM"``; those that the system lacks are left out.
        handler: None leaves the handlers as they are until something in the block replaces them.
    """
    if current_thread() is not main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: known for number in numbers if (known := signal.getsignal(number)) is not None}
    for number, known in before.items():
        if handler is not None and known is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)
