"""Signals that end a command by an exception, and that exception raised again where Python drops it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_AGAIN = 0.1  # seconds, in which Python leaves the destructor


class SignalExit(SystemExit):
    """Raised by a signal's handler; its exit code is that of shells.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def raised_again() -> Iterator[None]:
    """Raise SignalExit and KeyboardInterrupt again where Python drops them, until they leave the block.

    Python prints and drops what is raised inside a destructor or a weakref's callback, also by the handler of a signal
    that arrives there, and the command would go on. Windows has no such timer: there they stay dropped.
    """
    before = sys.unraisablehook

    def hook(dropped: sys.UnraisableHookArgs) -> None:
        error = dropped.exc_value
        if isinstance(error, (SignalExit, KeyboardInterrupt)) and hasattr(signal, "setitimer"):
            _raise_later(error)
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _raise_later(error: BaseException) -> None:
    """Raise an exception by a timer: what a hook raises is dropped too."""

    def handle(_: int, __: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGALRM, handler)
        raise error

    handler = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN)
