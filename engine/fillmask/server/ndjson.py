"""Streaming: one line of NDJSON for each text, in the order of the texts, sent as soon as it is ready."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from functools import partial
from time import monotonic

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fillmask.errors import FillMaskError, InputError
from fillmask.server.budget import Hold
from fillmask.server.context import DISCONNECTED, HOLD
from fillmask.server.http_errors import ERROR_TYPES, HttpError, encode_json
from fillmask.server.job import Expired, JobResult
from fillmask.server.request import NDJSON
from fillmask.server.service import Service


class NdjsonResponse(StreamingResponse):
    """A response of JSON lines. It holds the permit of its request until it ends, also by an error.

    Args:
        lines: The lines.
        permit: Closed at the end.
        headers: Headers of the response.
    """

    def __init__(self, lines: AsyncGenerator[bytes, None], permit: ExitStack, headers: dict[str, str]) -> None:
        super().__init__(lines, headers=headers, media_type=NDJSON)
        self._lines, self._permit, self._added = lines, permit, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines."""
        with self._permit:
            async with aclosing(self._lines):
                if scope["http_version"] == "1.0":
                    response = Response(await self._collect(scope), headers=dict(self._added), media_type=NDJSON)
                    return await response(scope, receive, send)
                await super().__call__(scope, receive, send)

    async def _collect(self, scope: Scope) -> bytes:
        """Return all lines at once: HTTP/1.0 has no chunks (RFC 9112 section 6.1)."""
        disconnected: asyncio.Future[None] = scope[DISCONNECTED]
        with anyio.CancelScope() as collecting:
            end = partial(_end, collecting)
            disconnected.add_done_callback(end)
            try:
                return await self._join(scope[HOLD])
            finally:
                disconnected.remove_done_callback(end)
        raise ClientDisconnect

    async def _join(self, hold: Hold) -> bytes:
        lines: list[bytes] = []
        async for line in self._lines:
            if not hold.take(len(line)):
                raise HttpError(413, "the lines are too large for one response; use HTTP/1.1, or send fewer texts")
            lines.append(line)
        return b"".join(lines)


def _end(collecting: anyio.CancelScope, _: object) -> None:
    collecting.cancel()


async def generate_lines(
    service: Service,
    timeout: float,
    count: int,
    sent: Callable[[int], None],
    submit: Callable[[range, float], list[asyncio.Future[JobResult]]],
    *,
    in_flight: int,
) -> AsyncGenerator[bytes, None]:
    """Run texts line by line.

    Args:
        service: Makes the members of a line.
        timeout: Seconds for each text, from the submission of that text.
        count: Number of texts.
        sent: Called with the index of each text when its line is sent.
        submit: Submits the texts of a range of indices with a deadline in seconds of ``monotonic``.
        in_flight: Texts in the queue or in a run at the same time, at most.

    Yields:
        ``{"index"}`` with the members of the service, or with ``{"error", "error_type"}``; and ``warnings``, if any.
    """
    futures: deque[tuple[asyncio.Future[JobResult], float]] = deque()
    submitted = 0
    try:
        for index in range(count):
            if submitted - index <= in_flight // 2:  # several at a time, so that they can share a batch
                until = min(index + in_flight, count)
                deadline = monotonic() + timeout
                futures += [(future, deadline) for future in submit(range(submitted, until), deadline)]
                submitted = until
            yield b'{"index": %d, %s}\n' % (index, await _members(service, *futures[0], timeout))
            futures.popleft()
            sent(index)
    finally:
        for future, _ in futures:
            future.cancel()


async def _members(service: Service, future: asyncio.Future[JobResult], deadline: float, timeout: float) -> bytes:
    # Until Python 3.12 asyncio.wait_for ignores a cancellation that arrives when the future is done.
    await asyncio.wait({future}, timeout=max(0.0, deadline - monotonic()))
    try:
        if not future.done():
            future.cancel()
            raise Expired
        done = future.result()
    except Expired:
        return _error(504, f"no predictions within {timeout * 1000:.0f} ms")
    except HttpError as error:
        return _error(error.status, str(error))
    except FillMaskError:
        return _error(500, "the model failed on this text")
    failed = isinstance(done.value, InputError)
    members = _error(422, str(done.value)) if failed else service.line(done.value)
    return members + (b', "warnings": ' + encode_json(done.warnings) if done.warnings else b"")


def _error(status: int, message: str) -> bytes:
    return encode_json({"error": message, "error_type": ERROR_TYPES[status]})[1:-1]
