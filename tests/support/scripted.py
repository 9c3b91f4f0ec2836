"""A connection without a network: a test decides what arrives and what is sent, in an event loop that never waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import MagicMock

import uvicorn
from uvicorn.server import ServerState

from fillmask.server.auth import Keys
from fillmask.server.browsers import Browsers
from fillmask.server.connections import Connections
from fillmask.server.guard import RequestGuard
from fillmask.server.protocol import Protocol
from fillmask.server.settings import Settings

_HIGH_WATER = 64 << 10


class _Jumps(selectors.DefaultSelector):
    """Returns at once, and adds the time that it would have waited."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        self.now += 0 if found else timeout or 0
        return found


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.now


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in a loop that never waits. Its timers expire in their order, however slow the machine is."""
    loop = _JumpingLoop()
    try:
        loop.run_until_complete(asyncio.wait_for(scenario(), 1000))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(1))
        loop.close()


class Wire:
    """A transport that sends what the test lets it.

    Attributes:
        unsent: Bytes written and not sent.
        sent: Bytes sent.
        reads: Whether the server reads.
        closing: Whether the server has closed the connection.
        aborted: Whether it did so without sending the rest.
    """

    def __init__(self) -> None:
        self.unsent = self.sent = b""
        self.reads = True
        self.closing = self.aborted = self._paused = self._ended = False
        self.protocol: Protocol

    def write(self, data: bytes) -> None:
        self.unsent += data
        if len(self.unsent) > _HIGH_WATER and not self._paused:
            self._paused = True
            self.protocol.pause_writing()

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.write(b"".join(parts))

    def send(self, size: int | None = None) -> None:
        """Let the client read so many bytes, or all."""
        size = len(self.unsent) if size is None else size
        self.sent, self.unsent = self.sent + self.unsent[:size], self.unsent[size:]
        if self._paused and not self.unsent:
            self._paused = False
            self.protocol.resume_writing()
        if self.closing and not self.unsent:
            self._end()

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        if not self.unsent:
            self._end()

    def abort(self) -> None:
        self.closing = self.aborted = True
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def get_extra_info(self, _: str, default: Any = None) -> Any:
        return default


async def respond(scope: Any, receive: Any, send: Any) -> None:
    """An application: reads the body, waits the seconds in the query, and responds with the bytes in the path."""
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(float(scope["query_string"] or 0))
    size = int(scope["path"][1:])
    headers = [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * size})


class Hub:
    """What the connections of a test share.

    Args:
        app: The application.
        settings: As flags of the server.

    Attributes:
        metrics: Counts what the protocol rejects.
        full: Tells whether the queue is full.
    """

    def __init__(self, app: Any = respond, **settings: Any) -> None:
        made = Settings(**settings)
        self.metrics, self.full = MagicMock(), MagicMock(return_value=False)
        guard = RequestGuard(Keys([]), MagicMock(full=self.full), self.metrics)
        self._shared: Connections[Protocol] = Connections(made, guard, Browsers(made, keyed=False))
        self._config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False,
                                      proxy_headers=False, timeout_keep_alive=made.keep_alive)  # fmt: skip
        self._state = ServerState()

    def connect(self) -> Wire:
        """A new connection, with the transport of its protocol."""
        wire = Wire()
        wire.protocol = Protocol(shared=self._shared, config=self._config, server_state=self._state, app_state={})
        wire.protocol.connection_made(wire)
        return wire
