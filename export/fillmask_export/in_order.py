"""Work on many texts in threads, with the results in order.

A text alone keeps few cores busy. Two texts on one thread each take 0.66 (int8) to 0.8 (fp32) of the time of one after
the other on two, and 0.85 to 0.9 of the CPU time (MiniLM, 12 to 60 tokens).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from fillmask.runtime.cpu import available_threads

_MOST_WORKERS = 8  # each holds the tensors of a text
_WAITING = 2  # results a worker, at most; each may be the logits of a text

WORKERS = min(_MOST_WORKERS, available_threads())
"""Texts that run at once."""
THREADS = max(1, available_threads() // WORKERS)
"""Of a session that they run on."""

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Call a function for each item, in ``WORKERS`` threads at once.

    Args:
        function: Releases the GIL for most of its time, as ONNX Runtime and NumPy do.
        items: They are read in this thread, and not far ahead of the results.

    Yields:
        One result for each item, in their order.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > WORKERS * _WAITING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
