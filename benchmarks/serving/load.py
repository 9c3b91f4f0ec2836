"""A load generator: requests on kept connections, in a closed loop or at times that were fixed beforehand.

In the open loop a latency counts from when the request was due, not from when a connection was free to send it. A
server that stalls then shows every request that it kept waiting.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop

from benchmarks.serving.pool import Load, Pool, Reply

__all__ = ["Load", "Reply", "bodies_of", "closed_loop", "open_loop", "percentile", "poisson", "run"]


def bodies_of(texts: Sequence[str]) -> list[bytes]:
    """A request's body for each text."""
    return [json.dumps({"inputs": text}).encode() for text in texts]


async def closed_loop(load: Load, concurrency: int, seconds: float) -> list[Reply]:
    """Clients that each send the next request when their last is answered.

    The bodies go round all clients. If each client had its own, those with short texts, which are answered sooner,
    would be asked more often, and the rate would be that of easier work.
    """
    replies: list[Reply] = []
    turn = itertools.cycle(range(len(load.requests)))
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = concurrency

    def again(reply: Reply) -> None:
        nonlocal left
        replies.append(reply)
        if pool.now < seconds:
            return pool.send(next(turn), pool.now)
        left -= 1
        if not left:
            over.set_result(None)

    pool = Pool(load, again)
    for _ in range(concurrency):
        pool.send(next(turn), pool.now)
    await over
    pool.close()
    return replies


async def open_loop(
    load: Load, times: Sequence[float], give_up: Callable[[Reply], bool] = lambda _: False
) -> list[Reply]:
    """Requests at these times, in seconds from now, whatever became of those before.

    Args:
        load: Where to, and what.
        times: Ascending.
        give_up: Whether a reply is reason to send no more.
    """
    return await _OpenLoop(load, times, give_up).replies() if times else []


class _OpenLoop:
    """Sends by a timer for the next request, and no task for any: much load must cost little."""

    def __init__(self, load: Load, times: Sequence[float], give_up: Callable[[Reply], bool]) -> None:
        self._times, self._give_up = times, give_up
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(load, self._keep)
        self._bodies = len(load.requests)
        self._replies: list[Reply] = []
        self._sent, self._wanted = 0, len(times)
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def replies(self) -> list[Reply]:
        self._send()
        await self._over
        self._pool.close()
        return self._replies

    def _send(self) -> None:
        """Send what is due."""
        while self._sent < self._wanted:
            due = self._times[self._sent]
            if (wait := due - self._pool.now) > 0:
                self._loop.call_later(wait, self._send)
                return
            self._sent += 1
            self._pool.send((self._sent - 1) % self._bodies, due)

    def _keep(self, reply: Reply) -> None:
        self._replies.append(reply)
        if self._give_up(reply):
            self._wanted = self._sent
        if len(self._replies) == self._wanted:
            self._over.set_result(None)


def run(load: Coroutine[Any, Any, list[Reply]]) -> list[Reply]:
    """Run a load to its end, on the loop that takes the least of the CPU, since the server needs it too."""
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    gc.disable()  # what stalls the clock would show as latency
    try:
        return loop.run_until_complete(load)
    finally:
        gc.enable()
        loop.close()


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Times of arrivals that do not know of each other: ``rate`` a second on the mean."""
    source, times, now = random.Random(seed), [], 0.0  # noqa: S311 -- load, no secret
    while (now := now + source.expovariate(rate)) < seconds:
        times.append(now)
    return times


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so large a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
