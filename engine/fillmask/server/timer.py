"""A timer that starts once and can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timer:
    """Calls a function after some time.

    Args:
        loop: The event loop.
        seconds: The time.
        expired: The function.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expired = expired
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> float:
        """Start, unless it runs; return when it expires, in seconds of the event loop's clock."""
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._expire)
        return self._handle.when()

    def stop(self) -> None:
        """Stop, if it runs."""
        if self._handle:
            self._handle.cancel()
            self._handle = None

    def _expire(self) -> None:
        self._handle = None
        self._expired()
