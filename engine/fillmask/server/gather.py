"""Waits for the results of a request, until its deadline, or until its client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

from starlette.requests import ClientDisconnect

from fillmask.server.job import Expired, JobResult


async def gather(
    futures: Sequence[asyncio.Future[JobResult]], disconnected: asyncio.Future[None], deadline: float
) -> list[JobResult]:
    """Wait for results. Jobs that have not started when this ends never run.

    Args:
        futures: One for each text.
        disconnected: Done when the client has disconnected.
        deadline: In seconds of ``monotonic``.

    Raises:
        Expired: The deadline passed.
        ClientDisconnect: The client disconnected.
    """
    if not futures:
        return []
    waiter = _Waiter(len(futures))
    for future in futures:
        future.add_done_callback(waiter.count_down)
    disconnected.add_done_callback(waiter.disconnect)
    timer = asyncio.get_running_loop().call_later(max(0.0, deadline - monotonic()), waiter.end, Expired())
    try:
        await waiter.over
        return [future.result() for future in futures]
    finally:
        timer.cancel()
        disconnected.remove_done_callback(waiter.disconnect)
        for future in futures:
            future.cancel()


class _Waiter:
    """Ends when all results are there, or at the first error."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def count_down(self, future: asyncio.Future[JobResult]) -> None:
        self._left -= 1
        error = None if future.cancelled() else future.exception()
        if isinstance(error, Exception) or not self._left:
            self.end(error if isinstance(error, Exception) else None)

    def disconnect(self, _: asyncio.Future[None]) -> None:
        self.end(ClientDisconnect())

    def end(self, error: Exception | None = None) -> None:
        if self.over.done():
            return
        if error:
            self.over.set_exception(error)
        else:
            self.over.set_result(None)
