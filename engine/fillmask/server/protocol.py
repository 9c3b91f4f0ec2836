"""HTTP connections with deadlines: a client must send its request, and read its response, in time.

uvicorn has no such limits. Its only timer is that of idle connections, and each byte received restarts it. uvicorn also
parses pipelined requests without a limit, and takes a request for an upgrade to have no body. Here a request is parsed
when the response to the one before it is complete, and upgrades are ignored (RFC 9110 section 7.8).
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fillmask.server.connections import Connections
from fillmask.server.context import ADMITTED, BODY_COMPLETE, DISCONNECTED, KEEP_HEAD, RECEIVE_DEADLINE
from fillmask.server.cork import Cork
from fillmask.server.half_close import HalfClose
from fillmask.server.head_limits import HeadLimits
from fillmask.server.http_errors import HttpError
from fillmask.server.inbox import MOST_UNKNOWN, Inbox
from fillmask.server.reading import Reading
from fillmask.server.rejected_cycle import REJECTED
from fillmask.server.send_deadline import SendDeadline
from fillmask.server.timer import Timer
from fillmask.server.upgrade import head_without_upgrade

# After the deadline of a body the application has this long to send its 408; then the connection is closed.
_MARGIN_S = 0.5
# Of a small piece. Of one connection pieces of MOST_UNKNOWN bytes are parsed before the event loop turns to the others.
_PIECE_COST = 256


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with limits of headers, deadlines, and early rejection.

    Args:
        shared: What it shares with all other connections.
        options: Arguments of uvicorn's protocol.
    """

    def __init__(self, *, shared: Connections[Protocol], **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._shared, self._settings, self._idle = shared, shared.settings, shared.idle
        self._inbox, self._head = Inbox(shared.unparsed), HeadLimits()
        self._body_left: int | None = None  # None: it ends with a blank line, if there is one
        self._known, self._complete = False, True
        self._upgrade: bytes | None = None
        self._receiving = Timer(self.loop, self._settings.receive_timeout, self._receive_expired)
        # The application has the same deadline for the body, and responds first.
        self._margin = Timer(self.loop, _MARGIN_S, lambda: self.transport.abort())  # noqa: PLW0108 -- there is none yet
        self._disconnected: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection. If too many are open, close the one idle for longest; if none is idle, refuse it."""
        super().connection_made(transport)
        self.transport = self._cork = Cork(transport)  # type: ignore[assignment]  # it has what is called here
        self._reading = Reading(transport)
        self.flow = FlowControl(self._reading)  # type: ignore[arg-type]  # the same
        self._sending = SendDeadline(self.loop, self._settings.receive_timeout, self._cork)
        self._half_close = HalfClose(self.loop, transport.write, self._takes_interim)
        if len(self.connections) > self._settings.max_connections:
            if (longest := self._idle.take(lambda each: each.transport.get_write_buffer_size() > 0)) is None:
                return self._refuse(self._shared.too_many())
            longest.close_idle()
        self._idle.add(self, known=False)
        self._receiving.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines, and mark the client as disconnected."""
        for timer in (self._receiving, self._margin, self._sending):
            timer.stop()
        self._inbox.clear()
        self._idle.discard(self)
        if not self._disconnected.done():
            self._disconnected.set_result(None)
        super().connection_lost(exc)

    def close_idle(self) -> None:
        """Close, for a new connection: this one has waited longest for a request."""
        if not self._complete and self._head.open:
            self._refuse(self._shared.too_many())
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what arrives, until a request is complete that has no response yet."""
        self._inbox.add(data)
        self._parse()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Stay open for the response if the client only ended its side of the connection (``nc -N``)."""
        if not self._busy and not self._inbox:
            return False
        if self._busy and not self._inbox:
            self.cycle.keep_alive = False
        self._half_close.begin()
        return True

    def on_message_begin(self) -> None:
        """Start a request; put what the application needs of the connection into the ASGI scope."""
        super().on_message_begin()
        self._head.begin()
        self._complete = False
        self.scope[RECEIVE_DEADLINE] = self._receiving.start()  # type: ignore[literal-required]
        self.scope.update({DISCONNECTED: self._disconnected, KEEP_HEAD: self._cork.keep})  # type: ignore[misc]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header and store it. A field behind the body is counted only: it must not pass for one."""
        self._head.header(len(name) + len(value))
        if self._head.open:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Note and store a part of the body."""
        self._head.body()
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Pass the request to the application, or reject it while the queue is full."""
        self._head.parsed(len(self.url))
        if self.parser.should_upgrade():
            self._upgrade = head_without_upgrade(self.parser, self.url, self.headers)
            return
        self._body_left = next((int(value) for name, value in self.headers if name == b"content-length"), None)
        # A response of the application waits until the client reads; a rejection would not.
        free = (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused
        posted = self.parser.get_method() == b"POST" and not self.expect_100_continue
        stays = self.parser.should_keep_alive()
        if free and posted and (response := self._shared.reject(self.headers, keep_alive=stays)):
            self.cycle = REJECTED
            self.transport.write(response)
            self._sending.start()
        else:
            super().on_headers_complete()
        self._head.complete()

    def on_message_complete(self) -> None:
        """Mark the request as complete: it arrived in time."""
        if self._upgrade is not None:
            return None
        self._receiving.stop()
        self._margin.stop()
        self._head.end()
        self._body_left, self._complete = None, True
        self.scope[BODY_COMPLETE] = True  # type: ignore[literal-required]
        super().on_message_complete()
        if self._busy:
            self._idle.discard(self)
        else:
            self._idle.add(self, known=self._known)
        self.flow.resume_reading()  # a large body paused it, and the end of the connection must not go unseen
        if self.cycle is not None and self.cycle.response_complete and not self.transport.is_closing():
            if not self.parser.should_keep_alive():  # only now, after the body: an earlier close would cut the response
                return self.transport.close()
            self._unset_keepalive_if_required()
            expired = self.timeout_keep_alive_handler
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, expired)

    def on_response_complete(self) -> None:
        """End a response, which the client must read in time; then parse the next request."""
        self._cork.release()
        super().on_response_complete()
        self._known = self._known or ADMITTED in self.scope
        if self._complete and not self.transport.is_closing():
            self._idle.add(self, known=self._known)
        if self._inbox:
            self.loop.call_soon(self._parse)
        elif self._half_close.begun:
            self.transport.close()
        self._sending.start()

    def pause_writing(self) -> None:
        """Start the deadline for a client that reads its response slowly."""
        super().pause_writing()
        self._sending.start()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not an HTTP request."""
        self._refuse(self._head.exceeded or HttpError(400, msg.rstrip(".")))

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
        left = MOST_UNKNOWN
        while self._waits() and not self._busy and not self.transport.is_closing():
            if left <= 0:
                self.loop.call_soon(self._parse)
                break
            left -= self._parse_piece()
        self._keep_rest()

    def _waits(self) -> bool:
        """Whether bytes wait, once the blank lines before a request are dropped (RFC 9112 section 2.2)."""
        if self._complete and not self._head.exceeded:
            self._head.received(self._inbox.skip_lines())
        return bool(self._inbox)

    def _parse_piece(self) -> int:
        """Parse a piece, and return what it costs, in bytes of unknown structure."""
        self._receiving.start()
        known, piece = self._body_left, self._inbox.take(self._body_left or None)
        self._head.received(len(piece))
        if known is not None:
            self._body_left = known - len(piece)
        super().data_received(piece)
        if error := self._head.exceeded:
            self._refuse(error)
        return _PIECE_COST if known else max(_PIECE_COST, len(piece))

    def _keep_rest(self) -> None:
        """Keep what is not parsed yet, within its limit. Where much waits, nothing more is read."""
        if self.transport.is_closing():
            return self._inbox.clear()
        if self._half_close.begun and not self._inbox and not self._busy:  # the rest of this request never comes
            return self.transport.close()
        if full := not self._inbox.settle():
            if not self._busy:
                return self._refuse(HttpError(429, "too many requests arrive at once; retry after a second"))
            self.cycle.keep_alive = False  # the client sees the close, and sends the dropped requests again
        self._reading.hold(full or self._inbox.full)

    def _takes_interim(self) -> bool:
        """Whether the client waits for a response, and may get another one before it, which HTTP/1.0 does not have."""
        waits = self._busy and not self.cycle.response_started and not self.transport.is_closing()
        return waits and self.scope["http_version"] == "1.1"

    def _receive_expired(self) -> None:
        if self._head.open and (self.cycle is None or self.cycle.response_complete):
            self._refuse(HttpError(408, f"the request did not arrive within {self._settings.receive_timeout:g} s"))
        self._margin.start()

    def _refuse(self, error: HttpError) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(self._shared.refuse(error, self.headers or (), None if self._head.open else self.scope))
        self.transport.close()
        self._sending.start()
