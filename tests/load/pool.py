"""Keep-alive connections to a server, each with at most one request in flight."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple, cast


class Result(NamedTuple):
    """The outcome of one request.

    Attributes:
        due: When it should have been sent, in seconds from the start of the load.
        latency: Seconds from ``due`` to the end of its response.
        status: HTTP status; 0 where the connection failed.
        retry_after: Whether the response has the header Retry-After.
        body: The response's; empty where it was not kept.
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
    """The requests of a load and their target.

    Attributes:
        host: The server's.
        port: The server's.
        bodies: Request bodies, sent in turn; an empty one makes a GET request.
        path: Of the requests.
        keep: Keep the body of every ``keep``-th response, and of every error.
        requests: The bytes of each request.
    """

    host: str
    port: int
    bodies: Sequence[bytes]
    path: str = "/"
    keep: int = 1
    requests: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.requests = [self._request(body) for body in self.bodies]

    def _request(self, body: bytes) -> bytes:
        method = "POST" if body else "GET"
        head = f"{method} {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


Response = tuple[int, bool, bytes]
"""Status, whether there is a Retry-After, and body."""

# The server closes connections that were idle for 5 s; a request sent at that moment would be lost.
_IDLE_S = 4.0
_LENGTH = re.compile(rb"content-length: (\d+)")  # the server sends header names in lower case


class _Connection(asyncio.Protocol):
    """A connection with at most one request in flight; it needs no task and no future, so that load costs little."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._then: Callable[[Response], None] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        head, end, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if self._then is None or not end or length is None or len(body) < int(length[1]):
            self._received = data
            return
        self._received = b""
        self._settle((int(head[9:12]), b"retry-after:" in head, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._settle((0, False, b""))

    def send(self, request: bytes, then: Callable[[Response], None]) -> None:
        self._then = then
        if self.transport is None:
            self._settle((0, False, b""))
        else:
            self.transport.write(request)

    def _settle(self, response: Response) -> None:
        then, self._then = self._then, None
        if then:
            then(response)


class Pool:
    """Sends the requests of a load over idle connections, and opens new ones where none is idle.

    Args:
        load: The requests.
        on_result: Receives the result of each.
    """

    def __init__(self, load: Load, on_result: Callable[[Result], None]) -> None:
        self._load = load
        self._idle: deque[tuple[float, _Connection]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._on_result = on_result
        self._responses = 0
        self.start = perf_counter()

    @property
    def now(self) -> float:
        """Seconds since the start of the load."""
        return perf_counter() - self.start

    def send(self, which: int, due: float) -> None:
        """Send request ``which`` now, over an idle connection if there is one."""
        while self._idle:
            since, connection = self._idle.pop()
            if connection.transport and not connection.transport.is_closing():
                if self.now - since < _IDLE_S:
                    return self._over(connection, which, due)
                connection.transport.close()
        task = asyncio.get_running_loop().create_task(self._connect(which, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, which: int, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(_Connection, self._load.host, self._load.port)
        except OSError:
            return self._on_result(Result(due, self.now - due, 0, False, b"", which))
        self._over(connection, which, due)

    def _over(self, connection: _Connection, which: int, due: float) -> None:
        def then(response: Response) -> None:
            now = self.now
            if connection.transport and not connection.transport.is_closing():
                self._idle.append((now, connection))
            status, retry_after, body = response
            self._responses += 1
            kept = body if self._responses % self._load.keep == 0 or status not in (200, 429) else b""
            self._on_result(Result(due, now - due, status, retry_after, kept, which))

        connection.send(self._load.requests[which % len(self._load.requests)], then)

    def close(self) -> None:
        """Close the idle connections."""
        for _, connection in self._idle:
            if connection.transport:
                connection.transport.abort()
