"""HTTP errors: the API's only table of statuses and error types.

::

    400 malformed               not HTTP, or the body is not JSON
    401 unauthorized            no key, or an unknown one
    403 forbidden               a page of another site, or a host name that is not allowed
    404 not_found               no such path, or no such model
    405 method_not_allowed
    408 request_timeout         the request did not arrive in time
    413 too_large               the body, or the estimated tokens of its texts
    415 unsupported_media_type  the body is not JSON, or is compressed
    422 invalid_input           JSON, but not a valid fill-mask request; the message names the field
    429 overloaded              the queue is full; retry after Retry-After seconds
    431 headers_too_large
    500 internal                a defect of the server; its log has the details
    503 not_ready               the server is shutting down, or its weights were written to
    504 deadline_exceeded       the predictions were not ready in time
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

ERROR_TYPES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "overloaded",
    431: "headers_too_large",
    500: "internal",
    503: "not_ready",
    504: "deadline_exceeded",
}
RETRY_AFTER_S = 1
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


class HttpError(Exception):
    """A request fails with this status and message.

    Args:
        status: A key of ``ERROR_TYPES``.
        message: What was received, what is allowed, and what to do.
        headers: Headers of the response. 429 and 503 get ``retry-after`` besides.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = ERROR_TYPES[status]
        self.headers = dict(headers or {})
        if status in (429, 503):
            self.headers["retry-after"] = str(RETRY_AFTER_S)

    @property
    def fields(self) -> dict[str, str]:
        """The members of the body: ``error`` and ``error_type``."""
        return {"error": str(self), "error_type": self.error_type}

    @cached_property
    def content(self) -> bytes:
        """The body of the response."""
        return encode_json(self.fields)

    @cached_property
    def head(self) -> bytes:
        """Status line and headers as sent, for the protocol, which writes responses without the application."""
        headers = {"content-type": "application/json", "content-length": str(len(self.content))} | self.headers
        status = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"
        return "".join(f"{line}\r\n" for line in (status, *map(": ".join, headers.items()))).encode("latin-1")

    def message(self, lines: bytes) -> bytes:
        """The response as sent, with further lines of headers."""
        return b"%s%s\r\n%s" % (self.head, lines, self.content)

    def response(self) -> Response:
        """Make the response."""
        return Response(self.content, self.status, headers=self.headers, media_type="application/json")


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """Make a response of JSON in UTF-8.

    Raises:
        ValueError: The content has a NaN or an infinity.
    """
    return Response(encode_json(content), status, headers=headers, media_type="application/json")


def encode_json(content: Any) -> bytes:  # noqa: ANN401
    """Encode JSON in UTF-8, on one line."""
    return _JSON.encode(content).encode()


def too_late(timeout: float) -> HttpError:
    """The error of a request whose deadline, so many seconds after its start, has passed."""
    return HttpError(
        504, f"no predictions within {timeout * 1000:.0f} ms; set a longer deadline with x-request-timeout-ms"
    )


def shortened(text: str, most: int = 80) -> str:
    """Quote client input for a message, cut to ``most`` characters."""
    return repr(text if len(text) <= most else text[:most] + "…")
