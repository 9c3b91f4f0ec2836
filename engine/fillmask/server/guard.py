"""Decides from the headers alone whether a request may proceed: API key, draining, overload.

Under heavy overload the cost of a rejection dominates. So while the queue is full the protocol writes the response
itself, and the log has one line a second with the number of rejected requests.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from starlette.types import Scope

from fillmask.server.admission import OVERLOADED, Admission
from fillmask.server.auth import OPEN_PATHS, Keys
from fillmask.server.context import ADMITTED
from fillmask.server.http_errors import HttpError
from fillmask.server.metrics import Metrics

Headers = Sequence[tuple[bytes, bytes]]
_log = logging.getLogger("fillmask.server")
_LOG_INTERVAL_S = 1.0


@dataclass(slots=True)
class RequestGuard:
    """Checks requests before their bodies are read.

    Attributes:
        keys: The API keys.
        admission: The queue's limits.
        metrics: Counts the requests that the protocol rejects.
        draining: Whether the server is shutting down; it is not ready, and goes on serving until the port closes.
        closed: Whether the port is closed, so that nothing new is served.
    """

    keys: Keys
    admission: Admission
    metrics: Metrics
    draining: bool = False
    closed: bool = False
    _overloaded: HttpError = field(default_factory=lambda: HttpError(429, OVERLOADED), init=False)
    _rejected: int = field(default=0, init=False)
    _logged_at: float = field(default=0.0, init=False)

    def check(self, scope: Scope) -> HttpError | None:
        """Return why a request may not proceed, None if it may."""
        headers = scope["headers"]
        page = scope["method"] == "GET" and any(name == b"accept" and b"text/html" in value for name, value in headers)
        error = self.keys.check(scope["path"], _authorization(headers), page=page)
        if error is None and scope["path"] not in OPEN_PATHS:
            scope[ADMITTED] = True
        if error or scope["method"] != "POST":
            return error
        if self.closed:
            return HttpError(503, "the server is shutting down; use another one", {"connection": "close"})
        return self._overloaded if self.admission.full() else None

    def reject(self, headers: Headers) -> HttpError | None:
        """Return the error for a POST that does not fit into the queue, and count it; None if it fits.

        Args:
            headers: Headers of the request.
        """
        if self.closed or not self.admission.full(_content_length(headers)):
            return None
        error = self.keys.check("", _authorization(headers), page=False) or self._overloaded
        self._count(error)
        return error

    def _count(self, error: HttpError) -> None:
        self.metrics.rejected(error.status)
        self._rejected += 1
        if (now := monotonic()) - self._logged_at >= _LOG_INTERVAL_S:
            fields = {"requests": self._rejected, "status": error.status}
            _log.warning("turned away", extra={"fields": fields})
            self._rejected, self._logged_at = 0, now


def _content_length(headers: Headers) -> int:
    """Bytes of the body; 0 where the headers do not give it."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _authorization(headers: Headers) -> list[bytes]:
    return [value for name, value in headers if name == b"authorization"]
