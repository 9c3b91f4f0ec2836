"""Around each request: its context, response headers, log line, metrics and span; errors become responses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fillmask.server.browsers import Browsers
from fillmask.server.budget import Budget, Hold
from fillmask.server.context import CONTEXT, HOLD, KEEP_HEAD, REFUSED, RequestContext, request_id
from fillmask.server.guard import RequestGuard
from fillmask.server.http_errors import HttpError
from fillmask.server.metrics import Metrics
from fillmask.server.routes import HEALTH_PATHS

_log = logging.getLogger("fillmask.server")
_STATIC_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
Headers = Sequence[tuple[bytes, bytes]]
_METHODS = {"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Middleware:
    """ASGI middleware around the application.

    Attributes:
        app: The application.
        guard: Decides which requests reach it.
        metrics: Counts every request.
        browsers: Checks what browsers add.
        bodies: Bounds the bodies of all requests together.
        span: Called with the context of each request that ended.
    """

    app: ASGIApp
    guard: RequestGuard
    metrics: Metrics
    browsers: Browsers
    bodies: Budget
    span: Callable[[RequestContext], None] = field(default=lambda _: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application for a request, or send the guard's error."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        scope[CONTEXT] = context = _open_context(scope, headers)
        scope[HOLD] = hold = Hold(self.bodies)
        respond = _with_headers(send, scope[KEEP_HEAD], context, self._added(headers))
        try:
            await self._app_for(scope, headers)(scope, receive, respond)
        except (HttpError, HTTPException) as error:
            await _send_error(_as_http_error(error, context), scope, receive, respond)
        except ClientDisconnect:
            pass  # nobody reads a response
        except asyncio.CancelledError:
            if not self.guard.draining or context.status != 499:
                raise
            await _send_error(
                HttpError(503, "the server shut down before the response was ready"), scope, receive, respond
            )
        except Exception:
            _log.exception("request %s failed", context.id)
            if context.status == 499:
                defect = HttpError(500, f"a defect of the server; its log has the details under {context.id}")
                await _send_error(defect, scope, receive, respond)
        finally:
            hold.release()
            self._record(context, scope.get(REFUSED))

    def _added(self, headers: Mapping[bytes, bytes]) -> Headers:
        added = (*_STATIC_HEADERS, *self.browsers.headers(headers))
        # While the server drains, the client's next request goes to another one.
        return (*added, (b"connection", b"close")) if self.guard.draining else added

    def _app_for(self, scope: Scope, headers: Mapping[bytes, bytes]) -> ASGIApp:
        if preflight := self.browsers.preflight(scope["method"], headers):
            return preflight
        rejection = self.browsers.check(scope["method"], headers) or self.guard.check(scope)
        return rejection.response() if rejection else self.app

    def _record(self, context: RequestContext, refused: int | None) -> None:
        if refused and context.status == 499:
            context.status = refused
        method = context.method if context.method in _METHODS else "other"
        self.metrics.request(method, context.status, context.elapsed)
        self.span(context)
        level = logging.DEBUG if context.path in HEALTH_PATHS else logging.INFO
        if _log.isEnabledFor(level):
            fields = {"id": context.id, "method": context.method, "path": context.path, "status": context.status}
            duration = {"ms": round(context.elapsed * 1000, 2)}
            _log.log(level, "request", extra={"fields": fields | duration | context.fields})


def _open_context(scope: Scope, headers: Mapping[bytes, bytes]) -> RequestContext:
    traceparent = headers.get(b"traceparent")
    return RequestContext(
        request_id(headers.get(b"x-request-id")),
        scope["method"],
        scope["path"],
        traceparent.decode("latin-1") if traceparent else None,
    )


def _with_headers(send: Send, keep_head: Callable[[], None], context: RequestContext, added: Headers) -> Send:
    """Wrap ``send`` so that the response gets the headers that every response has."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            context.status = message["status"]
            own = (b"x-request-id", context.id.encode()), (b"x-total-time", b"%.2f" % (context.elapsed * 1000))
            if any(name == b"content-length" for name, _ in message["headers"]):  # the body follows at once
                keep_head()
            message["headers"] = [*message["headers"], *own, *added]
        await send(message)

    return send_with_headers


def _as_http_error(error: HttpError | HTTPException, context: RequestContext) -> HttpError:
    if isinstance(error, HttpError):
        return error
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return HttpError(405, f"this path takes {allowed}, got {context.method[:20]}", error.headers)
    return HttpError(404, "no such path; /openapi.json lists the paths")


async def _send_error(error: HttpError, scope: Scope, receive: Receive, send: Send) -> None:
    await error.response()(scope, receive, send)
