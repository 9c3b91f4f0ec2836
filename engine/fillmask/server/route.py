"""A row of the table of routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemas:
    """The JSON types of a POST route.

    Attributes:
        body: Of the request.
        result: Of the response.
        line: Of one line of a response in NDJSON.
    """

    body: type[BaseModel]
    result: Any
    line: type[BaseModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row of the table.

    Attributes:
        method: GET or POST.
        paths: Paths, in FastAPI's syntax. The description has the first and names the others.
        endpoint: Runs for each request.
        name: Name in the description; a route without a name is not in it.
        summary: One line for the description; None takes the name.
        description: More of it.
        schemas: JSON types of a POST.
        example: The body of a request that any model can run, for a route with ``schemas``.
        result: JSON type of the response of a GET.
        errors: Statuses of errors, for a route without ``schemas``. With them it may have all errors.
        text: Whether the response is plain text rather than JSON.
    """

    method: str
    paths: tuple[str, ...]
    endpoint: Endpoint
    name: str | None = None
    summary: str | None = None
    description: str | None = None
    schemas: Schemas | None = None
    example: Mapping[str, Any] | None = None
    result: Any = None
    errors: tuple[int, ...] = ()
    text: bool = False
