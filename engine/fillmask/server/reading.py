"""Whether a connection reads: its transport is paused and resumed here only."""

from __future__ import annotations

import asyncio


class Reading:
    """Pauses a transport for either of two reasons, and resumes it when both have ended.

    uvicorn's flow control has the first reason: the application has not taken the body yet. It gets this object for a
    transport. The protocol has the second one.

    Args:
        transport: The transport.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._body = self._rest = False

    def pause_reading(self) -> None:
        """Pause until the application has taken the body."""
        self._set(body=True, rest=self._rest)

    def resume_reading(self) -> None:
        """End the pause for the body."""
        self._set(body=False, rest=self._rest)

    def hold(self, rest: bool) -> None:
        """Pause while bytes wait that cannot be parsed yet, or end this pause."""
        self._set(body=self._body, rest=rest)

    def _set(self, *, body: bool, rest: bool) -> None:
        paused = self._body or self._rest
        self._body, self._rest = body, rest
        if paused != (body or rest):
            (self._transport.resume_reading if paused else self._transport.pause_reading)()
