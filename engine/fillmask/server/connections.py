"""What all connections share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fillmask.server.browsers import Browsers
from fillmask.server.budget import Budget
from fillmask.server.guard import RequestGuard
from fillmask.server.http_errors import HttpError
from fillmask.server.idle import Idle
from fillmask.server.settings import Settings

# Received bytes that wait in all connections for the response to an earlier request. Few clients send so early.
_UNPARSED_BYTES = 16 << 20
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
