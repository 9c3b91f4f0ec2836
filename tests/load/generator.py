"""A load generator: requests on keep-alive connections, in a closed loop or at fixed times (open loop).

In the open loop a latency counts from when the request was due, not from when a connection was free to send it. A
stall of the server therefore shows on every request that it delayed.
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

from tests.load.pool import Load, Pool, Result

__all__ = ["Load", "Result", "bodies_of", "closed_loop", "open_loop", "percentile", "poisson", "run"]


def bodies_of(texts: Sequence[str]) -> list[bytes]:
    """A request body for each text."""
    return [json.dumps({"inputs": text}).encode() for text in texts]


async def closed_loop(load: Load, concurrency: int, seconds: float) -> list[Result]:
    """Clients that each send their next request when their last response arrives.

    All clients share one cycle of bodies. If each had its own, short texts, whose responses arrive sooner, would be
    sent more often, and the rate would be that of easier work.

    Args:
        load: The requests.
        concurrency: Number of clients.
        seconds: Duration; requests in flight at its end are waited for.
    """
    results: list[Result] = []
    turn = itertools.cycle(range(len(load.requests)))
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = concurrency

    def again(result: Result) -> None:
        nonlocal left
        results.append(result)
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
    return results


async def open_loop(
    load: Load, times: Sequence[float], give_up: Callable[[Result], bool] = lambda _: False
) -> list[Result]:
    """Requests at fixed times, whether or not earlier ones have their responses.

    Args:
        load: The requests.
        times: In seconds from now, ascending.
        give_up: Whether to send no more requests after a result.
    """
    return await _OpenLoop(load, times, give_up).results() if times else []


class _OpenLoop:
    """One timer for the next request and no task for any, so that load costs little."""

    def __init__(self, load: Load, times: Sequence[float], give_up: Callable[[Result], bool]) -> None:
        self._times, self._give_up = times, give_up
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(load, self._keep)
        self._bodies = len(load.requests)
        self._results: list[Result] = []
        self._sent, self._wanted = 0, len(times)
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def results(self) -> list[Result]:
        self._send()
        await self._over
        self._pool.close()
        return self._results

    def _send(self) -> None:
        """Send every request that is due."""
        while self._sent < self._wanted:
            due = self._times[self._sent]
            if (wait := due - self._pool.now) > 0:
                self._loop.call_later(wait, self._send)
                return
            self._sent += 1
            self._pool.send((self._sent - 1) % self._bodies, due)

    def _keep(self, result: Result) -> None:
        self._results.append(result)
        if self._give_up(result):
            self._wanted = self._sent
        if len(self._results) == self._wanted:
            self._over.set_result(None)


def run(load: Coroutine[Any, Any, list[Result]]) -> list[Result]:
    """Run a load to its end on uvloop, which leaves the most CPU time to the server."""
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    gc.disable()  # a collection would show as latency
    try:
        return loop.run_until_complete(load)
    finally:
        gc.enable()
        loop.close()


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Arrival times of a Poisson process of ``rate`` a second, ascending."""
    source, times, now = random.Random(seed), [], 0.0
    while (now := now + source.expovariate(rate)) < seconds:
        times.append(now)
    return times


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
