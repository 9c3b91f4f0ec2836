"""Why a request is not answered, and with what status: the API's only table of errors.

::

    400 malformed               no HTTP, or a body that is no JSON
    401 unauthorized            no key, or not one of ours
    404 not_found               no such route, or no such model here
    405 method_not_allowed
    408 request_timeout         the request did not arrive in time
    413 too_large               the body
    415 unsupported_media_type  not JSON, or compressed
    422 invalid_input           JSON, but not a question that the model can answer; names the field
    429 overloaded              no room; come back after Retry-After seconds
    431 headers_too_large
    500 internal                a defect of the server, whose details are in its log
    503 not_ready               the server is going away
    504 deadline_exceeded       the answer was not there in time
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


class Refusal(Exception):  # noqa: N818 -- an answer too, and no error of the server
    """A request that is not answered.

    Args:
        status: One of ``ERROR_TYPES``.
        message: What was got, what is allowed, and what to do.
        headers: Headers of the response.
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
        """What the body says: ``error`` and ``error_type``."""
        return {"error": str(self), "error_type": self.error_type}

    @cached_property
    def content(self) -> bytes:
        """The body of the response."""
        return encode_json(self.fields)

    @cached_property
    def head(self) -> bytes:
        """Status line and headers of the response as they are sent, for who answers without the application."""
        headers = {"content-type": "application/json", "content-length": str(len(self.content))} | self.headers
        status = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"
        return "".join(f"{line}\r\n" for line in (status, *map(": ".join, headers.items()))).encode("latin-1")

    def response(self) -> Response:
        """The response."""
        return Response(self.content, self.status, headers=self.headers, media_type="application/json")


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """A response of JSON in UTF-8; numbers that JSON does not have raise ``ValueError``."""
    return Response(encode_json(content), status, headers=headers, media_type="application/json")


def encode_json(content: Any) -> bytes:  # noqa: ANN401
    """JSON in UTF-8, on one line."""
    return _JSON.encode(content).encode()


def shortened(text: str, most: int = 80) -> str:
    """A client's own words, for a message: quoted, and not at any length."""
    return repr(text if len(text) <= most else text[:most] + "…")
