"""HTTP connections that do not wait for ever: a request must arrive, and an answer be taken, in time.

uvicorn has no such limits: each byte that a client trickles in starts its only timer, that of idle connections, anew.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fillmask.server.context import ARRIVED, GONE, RECEIVE_BY, request_id
from fillmask.server.guard import Door
from fillmask.server.http_errors import Refusal
from fillmask.server.settings import Settings

MAX_HEADER_BYTES = 16 << 10
_CLOSE = b"connection: close\r\n"
# How long after the deadline of a body the application may still say so, before the connection is cut.
_MARGIN_S = 0.5


class _TurnedAway:
    """Stands for a request that was answered before its body came; uvicorn then drops the body."""

    response_complete = True
    disconnected = False
    keep_alive = True
    message_event = asyncio.Event()


_TURNED_AWAY: Any = _TurnedAway()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines.

    Args:
        settings: The limits.
        door: Who comes in.
        options: uvicorn's own arguments.
    """

    def __init__(self, *, settings: Settings, door: Door, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._settings = settings
        self._door = door
        self._arrival: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._unended = 0
        self._in_headers = True
        self._gone: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._settings.max_connections:
            self._refuse(Refusal(429, f"{self._settings.max_connections} connections are open; come back in a second"))
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._stop_waiting()
        if self._taking:
            self._taking.cancel()
        if not self._gone.done():
            self._gone.set_result(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, as long as the headers are not too large."""
        if self._arrival is None:
            self._await_request()
        # A chunk may hold a whole request; what counts is what came in those before it without an end of headers.
        if self._in_headers and self._unended > MAX_HEADER_BYTES:
            return self._refuse_headers()
        self._unended += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request, of whose deadline, and of whose client's leaving, the application is told."""
        if self._arrival is None:
            self._await_request()
        assert self._arrival is not None
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0
        self.scope[RECEIVE_BY] = self._arrival.when()  # type: ignore[literal-required]
        self.scope[GONE] = self._gone  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, as long as they are not too large together."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        """Take a part of the path, which counts as header."""
        self._count(len(url))
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Hand the request to the application, or turn it away where there is no room for any."""
        self._in_headers = False
        free = self.cycle is None or self.cycle.response_complete
        if free and self.parser.get_method() == b"POST":
            refusal = None if self.expect_100_continue else self._door.turn_away(self.headers)
            if refusal:
                self.cycle = _TURNED_AWAY
                own_id = request_id(next((value for name, value in self.headers if name == b"x-request-id"), None))
                close = b"" if self.parser.should_keep_alive() else _CLOSE
                return self._write(refusal, b"x-request-id: %s\r\n%s" % (own_id.encode(), close))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request: it has arrived in time."""
        self._stop_waiting()
        self._in_headers, self._unended = True, 0
        self.scope[ARRIVED] = True  # type: ignore[literal-required]
        super().on_message_complete()
        if self.cycle is _TURNED_AWAY and not self.transport.is_closing():
            if not self.parser.should_keep_alive():  # now that its body is there: before, a close would cut the answer
                return self.transport.close()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self._settings.keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """End a response, which the client must take in time."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._await_taking()

    def pause_writing(self) -> None:
        """Wait for a client that takes its answer slowly."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """Go on writing."""
        if self._taking:
            self._taking.cancel()
            self._taking = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request."""
        if not self.transport.is_closing():
            self._refuse(Refusal(400, f"{msg.rstrip('.')}"))

    def _unsupported_upgrade_warning(self) -> None:
        """A client may ask for another protocol; it gets HTTP."""

    def _await_request(self) -> None:
        self._arrival = self.loop.call_later(self._settings.receive_timeout, self._late)

    def _stop_waiting(self) -> None:
        if self._arrival:
            self._arrival.cancel()
            self._arrival = None

    def _late(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers and (self.cycle is None or self.cycle.response_complete):
            self._refuse(Refusal(408, f"the request did not arrive within {self._settings.receive_timeout:g} s"))
        # The application, which has the same deadline for the body, answers first.
        self._arrival = self.loop.call_later(_MARGIN_S, self.transport.abort)

    def _await_taking(self) -> None:
        if self._taking is None:
            self._taking = self.loop.call_later(self._settings.receive_timeout, self._not_taken)

    def _not_taken(self) -> None:
        self._taking = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse_headers()
            raise ValueError("the headers are too large")  # which ends the parsing

    def _refuse_headers(self) -> None:
        if not self.transport.is_closing():
            self._refuse(Refusal(431, f"path and headers are larger than {MAX_HEADER_BYTES} bytes together"))

    def _refuse(self, refusal: Refusal) -> None:
        self._write(refusal, _CLOSE)
        self.transport.close()

    def _write(self, refusal: Refusal, header: bytes) -> None:
        self.transport.write(b"%s%s\r\n%s" % (refusal.head, header, refusal.content))
