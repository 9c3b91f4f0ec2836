"""Answers line by line, in the order of the texts, each as soon as it and those before it are there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from dataclasses import asdict
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fillmask.errors import FillMaskError, InputError
from fillmask.server.http_errors import ERROR_TYPES, encode_json
from fillmask.server.job import Done, Expired
from fillmask.server.request import NDJSON, Query


class Lines(StreamingResponse):
    """A response of lines of JSON, which holds its permit until it ends, however it ends.

    Args:
        lines: The lines.
        permit: What is closed at the end.
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


async def stream(
    query: Query, submit: Callable[[range], list[asyncio.Future[Done]]], window: int
) -> AsyncGenerator[bytes, None]:
    """Answer texts line by line.

    Args:
        query: The request; its deadline holds for each text from when it is submitted.
        submit: Lets the texts of some indices wait for their turn.
        window: Texts that are under way at once.

    Yields:
        ``{"index", "predictions"}`` or ``{"index", "error", "error_type"}``, and ``warnings`` where there are any.
    """
    under_way: deque[asyncio.Future[Done]] = deque()
    submitted = 0
    try:
        for index in range(len(query.texts)):
            if submitted - index <= window // 2:  # a handful at a time, so that they can run together
                until = min(index + window, len(query.texts))
                under_way += submit(range(submitted, until))
                submitted = until
            yield encode_json({"index": index} | await _line(under_way[0], query.timeout)) + b"\n"
            under_way.popleft()
    finally:
        for future in under_way:
            future.cancel()


async def _line(future: asyncio.Future[Done], timeout: float) -> dict[str, Any]:
    try:
        done = await asyncio.wait_for(future, timeout)
    except (asyncio.TimeoutError, Expired):
        return _failed(504, f"not answered within {timeout * 1000:.0f} ms")
    except FillMaskError:
        return _failed(500, "the model failed on this text")
    warned = {"warnings": done.warnings} if done.warnings else {}
    if isinstance(done.answer, InputError):
        return _failed(422, str(done.answer)) | warned
    return {"predictions": [[asdict(each) for each in mask] for mask in done.answer]} | warned


def _failed(status: int, message: str) -> dict[str, Any]:
    return {"error": message, "error_type": ERROR_TYPES[status]}
