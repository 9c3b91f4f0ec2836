"""The context of a request: its id and the fields of its log line, headers, metrics and span."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

# ASGI scope keys: receive deadline (event loop clock), body-complete flag, disconnect future, the function that keeps
# the head of the response until its body is written, RequestContext, Hold, that the request was admitted to a path that
# needs a key if there are keys, and the status with which the protocol refused the body.
RECEIVE_DEADLINE = "fillmask.receive_deadline"
BODY_COMPLETE = "fillmask.body_complete"
DISCONNECTED = "fillmask.disconnected"
KEEP_HEAD = "fillmask.keep_head"
CONTEXT = "fillmask.context"
HOLD = "fillmask.hold"
ADMITTED = "fillmask.admitted"
REFUSED = "fillmask.refused"
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ids = random.Random()  # noqa: S311 -- ids are no secrets; os.urandom would release the GIL for each


@dataclass(slots=True)
class RequestContext:
    """A request and its outcome so far.

    Attributes:
        id: The client's ``x-request-id`` if it is valid, else 128 random bits in hexadecimal.
        method: GET, POST, ….
        path: The URL path.
        traceparent: The client's trace context (W3C), the parent of the server's span.
        status: Status of the response; 499 while there is none.
        fields: Further fields of the log line.
        route: The path of its route, with names for its variable parts; empty if there is none.
        started: When the headers were complete, in seconds of ``monotonic``.
    """

    id: str
    method: str
    path: str
    traceparent: str | None = None
    status: int = 499
    fields: dict[str, Any] = field(default_factory=dict)
    route: str = ""
    started: float = field(default_factory=monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the headers were complete."""
        return monotonic() - self.started


def request_id(given: bytes | None) -> str:
    """Return the given id if it is valid, else a new one."""
    text = (given or b"").decode("latin-1")
    return text if _ID.fullmatch(text) else f"{_ids.getrandbits(128):032x}"


def id_line(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the line of a response's head that has the id of its request, for the protocol."""
    given = next((value for name, value in headers if name == b"x-request-id"), None)
    return b"x-request-id: %s\r\n" % request_id(given).encode()


def context_of(scope: Any) -> RequestContext:  # noqa: ANN401 -- an ASGI scope
    """Return the context that the middleware put into an ASGI scope."""
    context: RequestContext = scope[CONTEXT]
    return context
