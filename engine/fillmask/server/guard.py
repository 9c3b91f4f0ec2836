"""Who comes in: asked before anything of a request but its headers is read.

Far beyond what the server can take it matters what a refusal costs. So where there is no room at all, the transport
answers in the application's place, and the log says once a second how many it turned away.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from starlette.types import Scope

from fillmask.server.admission import OVERLOADED, Admission
from fillmask.server.auth import Keys
from fillmask.server.http_errors import Refusal
from fillmask.server.metrics import Metrics

Headers = Sequence[tuple[bytes, bytes]]
_log = logging.getLogger("fillmask.server")
_LOG_EVERY_S = 1.0


@dataclass(slots=True)
class Door:
    """Decides who comes in.

    Attributes:
        keys: Who may ask.
        admission: Whether there is room.
        metrics: Told of those who are turned away by the transport.
        draining: Whether the server is going away and takes no new work.
    """

    keys: Keys
    admission: Admission
    metrics: Metrics
    draining: bool = False
    _full: Refusal = field(default_factory=lambda: Refusal(429, OVERLOADED), init=False)
    _turned_away: int = field(default=0, init=False)
    _told: float = field(default=0.0, init=False)

    def check(self, scope: Scope) -> Refusal | None:
        """Say why a request does not come in, None if it does."""
        headers = scope["headers"]
        page = scope["method"] == "GET" and any(name == b"accept" and b"text/html" in value for name, value in headers)
        refusal = self.keys.check(scope["path"], _shown(headers), page=page)
        if refusal or scope["method"] != "POST":
            return refusal
        if self.draining:
            return Refusal(503, "the server is going away; ask another", {"connection": "close"})
        return self._full if self.admission.full() else None

    def turn_away(self, headers: Headers) -> Refusal | None:
        """Say why a question does not come in if there is no room for it, None if there is.

        Args:
            headers: Of a POST.
        """
        if self.draining or not self.admission.full(_size(headers)):
            return None
        refusal = self.keys.check("", _shown(headers), page=False) or self._full
        self._count(refusal)
        return refusal

    def _count(self, refusal: Refusal) -> None:
        self.metrics.turned_away(refusal.status)
        self._turned_away += 1
        if (now := monotonic()) - self._told >= _LOG_EVERY_S:
            facts = {"requests": self._turned_away, "status": refusal.status}
            _log.warning("turned away", extra={"facts": facts})
            self._turned_away, self._told = 0, now


def _size(headers: Headers) -> int:
    """Bytes that the body will have; 0 where that is not said."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _shown(headers: Headers) -> list[bytes]:
    return [value for name, value in headers if name == b"authorization"]
