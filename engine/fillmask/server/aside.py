"""A thread for the work that large requests cost before they are queued: parsing, checks, resolving of targets.

On the event loop this work would delay every other client. The thread has a lower priority. A smaller request overtakes
larger ones, but waits at most as long as their bytes take.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from itertools import count
from queue import PriorityQueue
from time import monotonic
from typing import Any, TypeAlias, TypeVar

from fillmask.errors import FillMaskError
from fillmask.server.http_errors import too_late
from fillmask.server.thread_priority import lower_priority

_log = logging.getLogger(__name__)
T = TypeVar("T")
_Work: TypeAlias = "tuple[asyncio.Future[Any], Callable[[], Any]]"

# A body of this size takes less than a millisecond, which is less than the change of threads is worth.
ON_LOOP_BYTES = 2048
_SECONDS_PER_BYTE = 1e-6


class Aside:
    """A thread that runs functions, by the due time: arrival plus a microsecond for each byte."""

    def __init__(self) -> None:
        # Lists, which are emptied when nobody waits any more: functions and errors hold the bodies of requests.
        self._waiting: PriorityQueue[tuple[float, int, list[_Work]]] = PriorityQueue()
        self._order = count()
        self._thread: threading.Thread | None = None

    async def run(self, size: int, work: Callable[[], T], started: float, timeout: float) -> T:
        """Run a function, in the thread if its request is large.

        Args:
            size: Bytes of the body of the request.
            work: The function; what it raises is raised here.
            started: When the request arrived, in seconds of ``monotonic``.
            timeout: Seconds from then on that it may wait.

        Raises:
            HttpError: 504, the time is over.
        """
        if size <= ON_LOOP_BYTES:
            return work()
        if (left := started + timeout - monotonic()) <= 0:
            raise too_late(timeout)
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="aside", daemon=True)
            thread.start()
            self._thread = thread
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        waiting: list[_Work] = [(future, work)]
        self._waiting.put((monotonic() + size * _SECONDS_PER_BYTE, next(self._order), waiting))
        timer = loop.call_later(left, _deliver, future, None, too_late(timeout))
        try:
            return await future
        finally:
            timer.cancel()
            waiting.clear()

    def _work(self) -> None:
        lower_priority()
        while True:
            self._run_next()

    def _run_next(self) -> None:
        for future, work in list(self._waiting.get()[2]):
            result, error = _result_or_error(work)
            if not future.get_loop().is_closed():
                future.get_loop().call_soon_threadsafe(_deliver, future, result, error)


def _result_or_error(work: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return work(), None
    except Exception as error:
        return None, error
    except BaseException as panic:  # of the tokenizers library; it must not end the thread
        _log.error("a request could not be prepared", exc_info=panic)
        return None, FillMaskError(f"{type(panic).__name__} in a request")


def _deliver(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


ASIDE = Aside()
