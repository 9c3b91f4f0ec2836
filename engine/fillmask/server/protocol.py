"""HTTP connections with deadlines: a client must send its request, and read its response, in time.

uvicorn has no such limits. Its only timer is that of idle connections, and each byte received restarts it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fillmask.server.context import BODY_COMPLETE, DISCONNECTED, RECEIVE_DEADLINE, request_id
from fillmask.server.guard import RequestGuard
from fillmask.server.http_errors import HttpError
from fillmask.server.settings import Settings

MAX_HEADER_BYTES = 16 << 10
_CLOSE = b"connection: close\r\n"
# After the deadline of a body the application has this long to send its 408; then the connection is closed.
_MARGIN_S = 0.5


class _RejectedCycle:
    """Replaces uvicorn's cycle of a request that got its response before its body. uvicorn drops such a body."""

    response_complete = True
    disconnected = False
    keep_alive = True
    message_event = asyncio.Event()


_REJECTED: Any = _RejectedCycle()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines, a limit of headers, and early rejection.

    Args:
        settings: The limits.
        guard: Rejects requests while the queue is full.
        options: Arguments of uvicorn's protocol.
    """

    def __init__(self, *, settings: Settings, guard: RequestGuard, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._settings = settings
        self._guard = guard
        self._receive_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None
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
            self._start_receive_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines, and mark the client as disconnected."""
        self._stop_receive_timer()
        if self._send_timer:
            self._send_timer.cancel()
        if not self._disconnected.done():
            self._disconnected.set_result(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser while the headers are within their limit."""
        if self._receive_timer is None:
            self._start_receive_timer()
        # One chunk may hold a whole request. So only bytes of earlier chunks count, if they had no end of headers.
        if self._in_headers and self._unparsed_bytes > MAX_HEADER_BYTES:
            return self._refuse_headers()
        self._unparsed_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Start a request; put its receive deadline and disconnect future into the ASGI scope."""
        if self._receive_timer is None:
            self._start_receive_timer()
        assert self._receive_timer is not None
        super().on_message_begin()
        self._in_headers, self._header_bytes = True, 0
        self.scope[RECEIVE_DEADLINE] = self._receive_timer.when()  # type: ignore[literal-required]
        self.scope[DISCONNECTED] = self._disconnected  # type: ignore[literal-required]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count and store a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        """Count and store a part of the path, which counts as a header."""
        self._count(len(url))
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """Pass the request to the application, or reject it while the queue is full."""
        self._in_headers = False
        free = self.cycle is None or self.cycle.response_complete
        if free and self.parser.get_method() == b"POST":
            error = None if self.expect_100_continue else self._guard.reject(self.headers)
            if error:
                self.cycle = _REJECTED
                own_id = request_id(next((value for name, value in self.headers if name == b"x-request-id"), None))
                close = b"" if self.parser.should_keep_alive() else _CLOSE
                return self._write(error, b"x-request-id: %s\r\n%s" % (own_id.encode(), close))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Mark the request as complete: it arrived in time."""
        self._stop_receive_timer()
        self._in_headers, self._unparsed_bytes = True, 0
        self.scope[BODY_COMPLETE] = True  # type: ignore[literal-required]
        super().on_message_complete()
        if self.cycle is _REJECTED and not self.transport.is_closing():
            if not self.parser.should_keep_alive():  # only now, after the body: an earlier close would cut the response
                return self.transport.close()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self._settings.keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """End a response, which the client must read in time."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._start_send_timer()

    def pause_writing(self) -> None:
        """Start the deadline for a client that reads its response slowly."""
        super().pause_writing()
        self._start_send_timer()

    def resume_writing(self) -> None:
        """Resume writing: the client has read enough."""
        if self._send_timer:
            self._send_timer.cancel()
            self._send_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not an HTTP request."""
        if not self.transport.is_closing():
            self._refuse(HttpError(400, msg.rstrip(".")))

    def _unsupported_upgrade_warning(self) -> None:
        """Stay with HTTP silently if a client requests an upgrade to another protocol."""

    def _start_receive_timer(self) -> None:
        self._receive_timer = self.loop.call_later(self._settings.receive_timeout, self._receive_expired)

    def _stop_receive_timer(self) -> None:
        if self._receive_timer:
            self._receive_timer.cancel()
            self._receive_timer = None

    def _receive_expired(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_headers and (self.cycle is None or self.cycle.response_complete):
            self._refuse(HttpError(408, f"the request did not arrive within {self._settings.receive_timeout:g} s"))
        # The application has the same deadline for the body, and responds first.
        self._receive_timer = self.loop.call_later(_MARGIN_S, self.transport.abort)

    def _start_send_timer(self) -> None:
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(self._settings.receive_timeout, self._send_expired)

    def _send_expired(self) -> None:
        self._send_timer = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            self._refuse_headers()
            raise ValueError("the headers are too large")  # ends the parsing

    def _refuse_headers(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HttpError(431, f"path and headers are larger than {MAX_HEADER_BYTES} bytes together"))

    def _refuse(self, error: HttpError) -> None:
        self._write(error, _CLOSE)
        self.transport.close()

    def _write(self, error: HttpError, header: bytes) -> None:
        self.transport.write(b"%s%s\r\n%s" % (error.head, header, error.content))
