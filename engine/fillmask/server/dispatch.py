"""From the path of a request to its endpoint.

FastAPI's router compares a path with each path of the table in turn. So what it found is kept for the next request.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

# What clients send may be as long as all headers, and is kept only up to here.
_LONGEST_PATH = 256
_PATHS = 1024


class _Found(NamedTuple):
    """The application of a route, and the variable parts of a path."""

    app: ASGIApp
    params: dict[str, Any]


class Dispatch:
    """Runs the first route of an application that takes the method and the path of a request.

    Args:
        app: The application; its routes do not change any more.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._routes = [route for route in app.router.routes if isinstance(route, APIRoute)]
        self._find = lru_cache(_PATHS)(self._match)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the route. FastAPI's router raises the error of a request that has none."""
        scope["app"] = self._app
        if scope["method"] == "HEAD":  # routed as GET; the protocol sends no body for it
            scope = {**scope, "method": "GET"}
        known = len(scope["path"]) <= _LONGEST_PATH
        found = self._find(scope["method"], scope["path"]) if known else None
        if found is None:
            return await self._app.router(scope, receive, send)
        scope["path_params"] = found.params
        await found.app(scope, receive, send)

    def _match(self, method: str, path: str) -> _Found | None:
        scope = {"type": "http", "method": method, "path": path}
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                return _Found(route.app, found["path_params"])
        return None
