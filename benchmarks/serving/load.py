"""A load generator: requests on kept connections, in a closed loop or at times that were fixed beforehand.

In the open loop a latency counts from when the request was due, not from when a connection was free to send it. A
server that stalls then shows every request that it kept waiting.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, cast

import uvloop


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request.

    Attributes:
        due: Seconds from the beginning of the load to when it should have been sent.
        latency: Seconds from then to the end of its response.
        status: Of the response; 0 if the connection broke.
        retry_after: Whether the response says when to come back.
        body: The response's.
        which: Index of the request's body.
    """

    due: float
    latency: float
    status: int
    retry_after: bool
    body: bytes
    which: int


@dataclass(slots=True)
class Load:
    """Where to, and what.

    Attributes:
        host: The server's.
        port: The server's.
        bodies: Bodies that are sent in turn.
        path: Where they are sent.
    """

    host: str
    port: int
    bodies: Sequence[bytes]
    path: str = "/"
    requests: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.requests = [self._request(body) for body in self.bodies]

    def _request(self, body: bytes) -> bytes:
        method = "POST" if body else "GET"
        head = f"{method} {self.path} HTTP/1.1\r\nHost: load\r\nContent-Length: {len(body)}\r\n"
        return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


def bodies_of(texts: Sequence[str]) -> list[bytes]:
    """A request's body for each text."""
    return [json.dumps({"inputs": text}).encode() for text in texts]


Answer = tuple[int, bool, bytes]


class _Connection(asyncio.Protocol):
    """A kept connection with one request under way at most; no task and no future, so that much load costs little."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._then: Callable[[Answer], None] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or self._then is None:
            return
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r")[0]
        if len(body) >= int(length):
            self._received = b""
            self._settle((int(head[9:12]), b"retry-after:" in head.lower(), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._settle((0, False, b""))

    def send(self, request: bytes, then: Callable[[Answer], None]) -> None:
        self._then = then
        if self.transport is None:
            self._settle((0, False, b""))
        else:
            self.transport.write(request)

    def _settle(self, answer: Answer) -> None:
        then, self._then = self._then, None
        if then:
            then(answer)


class _Pool:
    """Connections, made as they are needed, and the replies that came over them."""

    def __init__(self, load: Load, on_reply: Callable[[Reply], None]) -> None:
        self._load = load
        self._idle: deque[_Connection] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_reply = on_reply
        self.start = perf_counter()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return perf_counter() - self.start

    def send(self, which: int, due: float) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.transport and not connection.transport.is_closing():
                return self._over(connection, which, due)
        task = asyncio.get_running_loop().create_task(self._connect(which, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, which: int, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, self._load.host, self._load.port)
        except OSError:
            return self._on_reply(Reply(due, self.now - due, 0, False, b"", which))
        self._over(connection, which, due)

    def _over(self, connection: _Connection, which: int, due: float) -> None:
        def then(answer: Answer) -> None:
            if connection.transport and not connection.transport.is_closing():
                self._idle.append(connection)
            self._on_reply(Reply(due, self.now - due, *answer, which))

        connection.send(self._load.requests[which % len(self._load.requests)], then)

    def close(self) -> None:
        for connection in self._idle:
            if connection.transport:
                connection.transport.abort()


async def closed_loop(load: Load, concurrency: int, seconds: float) -> list[Reply]:
    """Clients that each send their next request when the last is answered."""
    replies: list[Reply] = []
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = concurrency

    def again(reply: Reply) -> None:
        nonlocal left
        replies.append(reply)
        if pool.now < seconds:
            return pool.send((reply.which + concurrency) % len(load.requests), pool.now)
        left -= 1
        if not left:
            over.set_result(None)

    pool = _Pool(load, again)
    for first in range(concurrency):
        pool.send(first % len(load.requests), pool.now)
    await over
    pool.close()
    return replies


async def open_loop(load: Load, times: Sequence[float]) -> list[Reply]:
    """Requests at these times, in seconds from now, whatever became of those before."""
    replies: list[Reply] = []
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def keep(reply: Reply) -> None:
        replies.append(reply)
        if len(replies) == len(times):
            over.set_result(None)

    pool = _Pool(load, keep)
    for index, due in enumerate(times):
        if (wait := due - pool.now) > 0:
            await asyncio.sleep(wait)
        pool.send(index % len(load.requests), due)
    if times:
        await over
    pool.close()
    return replies


def run(load: Coroutine[Any, Any, list[Reply]]) -> list[Reply]:
    """Run a load to its end, on the loop that takes the least of the CPU, since the server needs it too."""
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(load)
    finally:
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
