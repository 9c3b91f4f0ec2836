"""HTTP connections with deadlines: a client must send its request, and read its response, in time.

uvicorn has no such limits. Its only timer is that of idle connections, and each byte received restarts it. uvicorn also
parses pipelined requests without a limit, and takes a request for an upgrade to have no body. Here a request is parsed
when the response to the one before it is complete, and upgrades are ignored (RFC 9110 section 7.8).
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fillmask.server.budget import Budget
from fillmask.server.context import BODY_COMPLETE, DISCONNECTED, RECEIVE_DEADLINE, request_id
from fillmask.server.guard import RequestGuard
from fillmask.server.http_errors import HttpError
from fillmask.server.inbox import Inbox
from fillmask.server.rejected_cycle import REJECTED
from fillmask.server.settings import Settings
from fillmask.server.timer import Timer
from fillmask.server.upgrade import head_without_upgrade

MAX_HEADER_BYTES = 16 << 10
MAX_HEADERS = 100
_CLOSE = b"connection: close\r\n"
# After the deadline of a body the application has this long to send its 408; then the connection is closed.
_MARGIN_S = 0.5
# Pieces of one connection that are parsed before the event loop turns to the others.
_PIECES_AT_ONCE = 64
# When a client that sent the end of its stream is probed, in seconds: the first write to a closed socket has no effect
# that this side sees, the next one fails.
_PROBES_S = (0.0, 0.05, 0.25)
_PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines, a limit of headers, and early rejection.

    Args:
        settings: The limits.
        guard: Rejects requests while the queue is full.
        unparsed: Bounds the received bytes that wait in all connections for the response to an earlier request.
        options: Arguments of uvicorn's protocol.
    """

    def __init__(self, *, settings: Settings, guard: RequestGuard, unparsed: Budget, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._settings = settings
        self._guard = guard
        self._inbox = Inbox(unparsed)
        self._reads = True
        self._at_eof = False
        self._body_left: int | None = None  # None: it ends with a blank line, if there is one
        self._complete = True
        self._upgrade: bytes | None = None
        self._receiving = Timer(self.loop, settings.receive_timeout, self._receive_expired)
        self._sending = Timer(self.loop, settings.receive_timeout, self._send_expired)
        # The application has the same deadline for the body, and responds first.
        self._margin = Timer(self.loop, _MARGIN_S, lambda: self.transport.abort())  # noqa: PLW0108 -- there is none yet
        self._header_bytes = 0
        self._unparsed_bytes = 0
        self._in_headers = True
        self._disconnected: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or refuse it if too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self._settings.max_connections:
            self._refuse(HttpError(429, f"{self._settings.max_connections} connections are open; retry after a second"))
        else:
            self._receiving.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines, and mark the client as disconnected."""
        for timer in (self._receiving, self._margin, self._sending):
            timer.stop()
        self._inbox.clear()
        if not self._disconnected.done():
            self._disconnected.set_result(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrives, until a request is complete that has no response yet."""
        self._inbox.add(data)
        self._parse()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Stay open for the response if the client only ended its side of the connection (``nc -N``)."""
        if not self._busy or self.scope["http_version"] != "1.1":
            return False
        self._at_eof = True
        if not self._inbox:
            self.cycle.keep_alive = False
        for seconds in _PROBES_S:
            self.loop.call_later(seconds, self._probe)
        return True

    def on_message_begin(self) -> None:
        """Start a request; put its receive deadline and disconnect future into the ASGI scope."""
        super().on_message_begin()
        self._in_headers, self._header_bytes, self._complete = True, 0, False
        self.scope[RECEIVE_DEADLINE] = self._receiving.start()  # type: ignore[literal-required]
        self.scope[DISCONNECTED] = self._disconnected  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count and store a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._refuse_headers()
            raise ValueError("too many headers")  # ends the parsing

    def on_url(self, url: bytes) -> None:
        """Count and store a part of the path, which counts as a header."""
        self._count(len(url))
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Pass the request to the application, or reject it while the queue is full."""
        if self.parser.should_upgrade():
            self._upgrade = head_without_upgrade(self.parser, self.url, self.headers)
            return None
        self._in_headers = False
        self._body_left = next((int(value) for name, value in self.headers if name == b"content-length"), None)
        free = self.cycle is None or self.cycle.response_complete
        if free and self.parser.get_method() == b"POST":
            error = None if self.expect_100_continue else self._guard.reject(self.headers)
            if error:
                self.cycle = REJECTED
                own_id = request_id(next((value for name, value in self.headers if name == b"x-request-id"), None))
                close = b"" if self.parser.should_keep_alive() else _CLOSE
                return self.transport.write(error.message(b"x-request-id: %s\r\n%s" % (own_id.encode(), close)))
        return super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Mark the request as complete: it arrived in time."""
        if self._upgrade is not None:
            return None
        self._receiving.stop()
        self._margin.stop()
        self._in_headers, self._unparsed_bytes, self._body_left, self._complete = True, 0, None, True
        self.scope[BODY_COMPLETE] = True  # type: ignore[literal-required]
        super().on_message_complete()
        self.flow.resume_reading()  # a large body paused it, and the end of the connection must not go unseen
        if self.cycle is REJECTED and not self.transport.is_closing():
            if not self.parser.should_keep_alive():  # only now, after the body: an earlier close would cut the response
                return self.transport.close()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self._settings.keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """End a response, which the client must read in time; then parse the next request."""
        super().on_response_complete()
        if self._inbox:
            self.loop.call_soon(self._parse)
        elif self._at_eof:
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._sending.start()

    def pause_writing(self) -> None:
        """Start the deadline for a client that reads its response slowly."""
        super().pause_writing()
        self._sending.start()

    def resume_writing(self) -> None:
        """Resume writing: the client has read enough."""
        self._sending.stop()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not an HTTP request."""
        if not self.transport.is_closing():
            self._refuse(HttpError(400, msg.rstrip(".")))

    def _unsupported_upgrade_warning(self) -> None:
        """Parse a request for an upgrade again, without the header that requests it: its body follows."""
        self.parser = httptools.HttpRequestParser(self)
        head, self._upgrade = self._upgrade, None
        super().data_received(head or b"")

    @property
    def _busy(self) -> bool:
        """Whether a complete request has no complete response yet."""
        return self._complete and bool(self.cycle) and not self.cycle.response_complete

    def _parse(self) -> None:
        for _ in range(_PIECES_AT_ONCE):
            if not self._inbox or self._busy or self.transport.is_closing():
                break
            self._receiving.start()
            piece = self._inbox.take(self._body_left or None)
            self._unparsed_bytes += len(piece)
            if self._body_left is not None:
                self._body_left -= len(piece)
            super().data_received(piece)
            if self._in_headers and self._unparsed_bytes > MAX_HEADER_BYTES:
                self._refuse_headers()
        else:
            self.loop.call_soon(self._parse)
        self._keep_rest()

    def _keep_rest(self) -> None:
        """Keep what is not parsed yet, within its limit; then nothing more is read."""
        if self.transport.is_closing():
            return self._inbox.clear()
        reads = not self._inbox
        if not self._inbox.settle():
            if not self._busy:
                return self._refuse(HttpError(429, "too many requests arrive at once; retry after a second"))
            self.cycle.keep_alive = False  # the client sees the close, and sends the dropped requests again
        if reads != self._reads:
            self._reads = reads
            (self.transport.resume_reading if reads else self.transport.pause_reading)()

    def _probe(self) -> None:
        """Write something harmless: this is how a client that has left differs from one that only sends no more."""
        if self._busy and not self.cycle.response_started and not self.transport.is_closing():
            self.transport.write(_PROBE)

    def _receive_expired(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers and (self.cycle is None or self.cycle.response_complete):
            self._refuse(HttpError(408, f"the request did not arrive within {self._settings.receive_timeout:g} s"))
        self._margin.start()

    def _send_expired(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse_headers()
            raise ValueError("the headers are too large")  # ends the parsing

    def _refuse_headers(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HttpError(431, f"path and headers are more than {MAX_HEADER_BYTES} bytes or {MAX_HEADERS}"))

    def _refuse(self, error: HttpError) -> None:
        self.transport.write(error.message(_CLOSE))
        self.transport.close()
