"""Around every request: its id, its headers, its log line, its metrics; and what becomes of errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fillmask.server.auth import OPEN_PATHS
from fillmask.server.context import Exchange, request_id
from fillmask.server.guard import Door
from fillmask.server.http_errors import Refusal
from fillmask.server.metrics import Metrics

_log = logging.getLogger("fillmask.server")
_STANDING = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_METHODS = {"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Wraps the application.

    Attributes:
        app: What answers.
        door: Who comes in.
        metrics: Told of every request.
        span: Called with each exchange that ended.
    """

    app: ASGIApp
    door: Door
    metrics: Metrics
    span: Callable[[Exchange], None] = field(default=lambda _: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before any work is done for it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope["fillmask.exchange"] = exchange = _begun(scope)
        answer = self.door.check(scope)
        app = self.app if answer is None else answer.response()
        try:
            await app(scope, receive, _stamped(send, exchange))
        except (Refusal, HTTPException) as error:
            await self._say(_as_refusal(error, exchange), scope, receive, send)
        except ClientDisconnect:
            pass  # nobody would read a response
        except asyncio.CancelledError:
            if not self.door.draining or exchange.status != 499:
                raise
            await self._say(Refusal(503, "the server went away before the answer was there"), scope, receive, send)
        except Exception:
            _log.exception("request %s failed", exchange.id)
            if exchange.status == 499:
                refusal = Refusal(500, f"a defect of the server; its log has it under {exchange.id}")
                await self._say(refusal, scope, receive, send)
        finally:
            self._ended(exchange)

    async def _say(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        await refusal.response()(scope, receive, _stamped(send, scope["fillmask.exchange"]))

    def _ended(self, exchange: Exchange) -> None:
        method = exchange.method if exchange.method in _METHODS else "other"
        self.metrics.request(method, exchange.status, exchange.elapsed)
        self.span(exchange)
        level = logging.DEBUG if exchange.path in OPEN_PATHS else logging.INFO
        if _log.isEnabledFor(level):
            facts = {"id": exchange.id, "method": exchange.method, "path": exchange.path, "status": exchange.status}
            took = {"ms": round(exchange.elapsed * 1000, 2)}
            _log.log(level, "request", extra={"facts": facts | took | exchange.facts})


def _as_refusal(error: Refusal | HTTPException, exchange: Exchange) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return Refusal(405, f"this path takes {allowed}, got {exchange.method[:20]}", error.headers)
    return Refusal(404, "no such path; /openapi.json lists those there are")


def _begun(scope: Scope) -> Exchange:
    headers = dict(scope["headers"])
    traceparent = headers.get(b"traceparent")
    return Exchange(
        request_id(headers.get(b"x-request-id")),
        scope["method"],
        scope["path"],
        traceparent.decode("latin-1") if traceparent else None,
    )


def _stamped(send: Send, exchange: Exchange) -> Send:
    async def stamp(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            stamps = (b"x-request-id", exchange.id.encode()), (b"x-total-time", b"%.2f" % (exchange.elapsed * 1000))
            message["headers"] = [*message["headers"], *stamps, *_STANDING]
        await send(message)

    return stamp
