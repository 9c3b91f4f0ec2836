"""What all connections share, and the responses that they write without the application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fillmask.server.browsers import Browsers
from fillmask.server.budget import Budget
from fillmask.server.context import REFUSED, id_line
from fillmask.server.guard import Headers, RequestGuard
from fillmask.server.http_errors import HttpError
from fillmask.server.idle import Idle
from fillmask.server.settings import Settings

# Received bytes that wait in all connections for the response to an earlier request. Few clients send so early.
_UNPARSED_BYTES = 16 << 20
_CLOSE = b"connection: close\r\n"
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Connections(Generic[C]):
    """What all connections share.

    Attributes:
        settings: The limits.
        guard: Rejects requests while the queue is full.
        browsers: Lets allowed pages read errors.
        idle: The connections without a complete request.
        unparsed: Bounds the received bytes that wait in all connections for the response to an earlier request.
    """

    settings: Settings
    guard: RequestGuard
    browsers: Browsers
    idle: Idle[C] = field(default_factory=Idle)
    unparsed: Budget = field(default_factory=lambda: Budget(_UNPARSED_BYTES))

    def too_many(self) -> HttpError:
        """Make the error for a connection beyond the limit."""
        return HttpError(429, f"{self.settings.max_connections} connections are open; retry after a second")

    def reject(self, headers: Headers, *, keep_alive: bool) -> bytes | None:
        """Make the response to a POST that does not fit into the queue; None if it fits.

        Args:
            headers: Headers of the request.
            keep_alive: Whether the connection stays open.
        """
        if (error := self.guard.reject(headers)) is None:
            return None
        close = b"" if keep_alive else _CLOSE
        return error.message(b"".join((id_line(headers), self.browsers.lines(headers), close)))

    def refuse(self, error: HttpError, headers: Headers, scope: Any) -> bytes:  # noqa: ANN401 -- an ASGI scope
        """Make the response to what is no request, or arrives too late, and count it. The connection closes behind it.

        Args:
            error: The error.
            headers: Headers of the request so far.
            scope: The scope of the request whose body this is, which the middleware counts; None without one.
        """
        if scope is None:
            self.guard.metrics.rejected(error.status, "other")
        else:
            scope[REFUSED] = error.status
        return error.message(self.browsers.lines(headers) + _CLOSE)
