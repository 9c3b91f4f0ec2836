"""Streaming: one line of NDJSON for each text, in the order of the texts, sent as soon as it is ready."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fillmask.errors import FillMaskError, InputError
from fillmask.server.http_errors import ERROR_TYPES, encode_json
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
        self._lines, self._permit = lines, permit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines."""
        with self._permit:
            async with aclosing(self._lines):
                await super().__call__(scope, receive, send)


async def generate_lines(
    service: Service,
    timeout: float,
    texts: int,
    submit: Callable[[range], list[asyncio.Future[JobResult]]],
    *,
    in_flight: int,
) -> AsyncGenerator[bytes, None]:
    """Run texts line by line.

    Args:
        service: Makes the members of a line.
        timeout: Seconds for each text, from the submission of that text.
        texts: Number of texts.
        submit: Submits the texts of a range of indices.
        in_flight: Texts in the queue or in a run at the same time, at most.

    Yields:
        ``{"index"}`` with the members of the service, or with ``{"error", "error_type"}``; and ``warnings``, if any.
    """
    futures: deque[asyncio.Future[JobResult]] = deque()
    submitted = 0
    try:
        for index in range(texts):
            if submitted - index <= in_flight // 2:  # several at a time, so that they can share a batch
                until = min(index + in_flight, texts)
                futures += submit(range(submitted, until))
                submitted = until
            yield encode_json({"index": index} | await _line(service, futures[0], timeout)) + b"\n"
            futures.popleft()
    finally:
        for future in futures:
            future.cancel()


async def _line(service: Service, future: asyncio.Future[JobResult], timeout: float) -> dict[str, Any]:
    try:
        done = await asyncio.wait_for(future, timeout)
    except (asyncio.TimeoutError, Expired):
        return _error(504, f"no predictions within {timeout * 1000:.0f} ms")
    except FillMaskError:
        return _error(500, "the model failed on this text")
    warnings = {"warnings": done.warnings} if done.warnings else {}
    if isinstance(done.value, InputError):
        return _error(422, str(done.value)) | warnings
    return service.line(done.value) | warnings


def _error(status: int, message: str) -> dict[str, Any]:
    return {"error": message, "error_type": ERROR_TYPES[status]}
