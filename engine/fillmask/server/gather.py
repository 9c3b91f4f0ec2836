"""Waiting for answers: until all are there, the deadline passes, or the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

from starlette.requests import ClientDisconnect

from fillmask.server.job import Done, Expired


async def settle(futures: Sequence[asyncio.Future[Done]], gone: asyncio.Future[None], deadline: float) -> list[Done]:
    """Wait for answers. Whatever ends the waiting, what still waits then never runs.

    Args:
        futures: Of the texts.
        gone: Done when the client has left.
        deadline: On the clock of ``monotonic``.

    Raises:
        Expired: The deadline passed.
        ClientDisconnect: The client has left.
    """
    if not futures:
        return []
    waiting = _Waiting(len(futures))
    for future in futures:
        future.add_done_callback(waiting.one)
    gone.add_done_callback(waiting.leave)
    timer = asyncio.get_running_loop().call_later(max(0.0, deadline - monotonic()), waiting.end, Expired())
    try:
        await waiting.over
        return [future.result() for future in futures]
    finally:
        timer.cancel()
        gone.remove_done_callback(waiting.leave)
        for future in futures:
            future.cancel()


class _Waiting:
    """The end of the waiting for so many answers."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def one(self, future: asyncio.Future[Done]) -> None:
        self._left -= 1
        error = None if future.cancelled() else future.exception()
        if isinstance(error, Exception) or not self._left:
            self.end(error if isinstance(error, Exception) else None)

    def leave(self, _: asyncio.Future[None]) -> None:
        self.end(ClientDisconnect())

    def end(self, error: Exception | None = None) -> None:
        if self.over.done():
            return
        if error:
            self.over.set_exception(error)
        else:
            self.over.set_result(None)
