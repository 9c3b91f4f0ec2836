"""What is known of a request while it is answered: for its log line, its headers and its metrics."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

# Where a request's scope says by when it must have arrived, that it has, and has the future that its client's leaving
# ends.
RECEIVE_BY = "fillmask.receive_by"
ARRIVED = "fillmask.arrived"
GONE = "fillmask.gone"
_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ids = random.Random()  # noqa: S311 -- names, no secrets; asking the system for each would hand over the interpreter


@dataclass(slots=True)
class Exchange:
    """A request and what becomes of it.

    Attributes:
        id: The client's ``x-request-id`` if it is a plain one, else 128 random bits.
        method: GET, POST, ….
        path: Its path.
        traceparent: The client's own trace, for ours to be part of.
        status: Of the response; 499 as long as there is none.
        facts: What the log says besides.
        began: When its headers were there, on the clock of ``monotonic``.
    """

    id: str
    method: str
    path: str
    traceparent: str | None = None
    status: int = 499
    facts: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return monotonic() - self.began


def request_id(given: bytes | None) -> str:
    """The id of a request: the one given if it is harmless, else a new one."""
    text = (given or b"").decode("latin-1")
    return text if _ID.fullmatch(text) else f"{_ids.getrandbits(128):032x}"


def exchange_of(scope: Any) -> Exchange:  # noqa: ANN401 -- an ASGI scope
    """The exchange of a request, which the envelope put there."""
    exchange: Exchange = scope["fillmask.exchange"]
    return exchange
