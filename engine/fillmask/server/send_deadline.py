"""The deadline of a client to read what the server has written."""

from __future__ import annotations

import asyncio

from fillmask.server.cork import Cork
from fillmask.server.timer import Timer


class SendDeadline:
    """Aborts a connection whose client does not read.

    The deadline holds for the bytes that are written when it starts. Later ones have a deadline of their own, which
    starts when these are sent.

    Args:
        loop: The event loop.
        seconds: The time that the client has.
        transport: The connection's.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, transport: Cork) -> None:
        self._transport = transport
        self._timer = Timer(loop, seconds, self._expired)
        self._goal = 0  # while fewer bytes are sent, the timer runs

    def start(self) -> None:
        """Start for what is not sent yet, unless the deadline of earlier bytes runs."""
        if not self._transport.get_write_buffer_size():  # nearly always
            return self._timer.stop()
        if self._transport.sent >= self._goal:
            self._timer.stop()
            self._goal = self._transport.written
            self._timer.start()

    def stop(self) -> None:
        """Stop, if it runs."""
        self._timer.stop()

    def _expired(self) -> None:
        if self._transport.sent < self._goal:
            self._transport.abort()
        else:
            self.start()
