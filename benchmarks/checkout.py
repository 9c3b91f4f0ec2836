"""The commands of a process that times one checkout.

It uses only names that every version of fillmask has, so that an old checkout runs it too.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.harness.worker import Handlers
from fillmask import FillMask

_TEXT = "Paris is the [MASK] of France."
_TOKENS = (16, 32)
_TOKENS_OF_TEXT = 9
_WARM, _REPEATS, _CALLS = 100, 20, 10
_LENGTHS = (6, 8, 10, 12, 14, 17, 20, 22, 25, 30, 33, 40, 50, 60, 90, 120)
_WORDS = "the library is next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
_TEXTS, _BATCH, _WORKERS = 160, 16, 2


def handlers() -> Handlers:
    """The commands of a worker."""
    return {"calls": calls, "many": many}


def calls() -> dict[str, float]:
    """Median seconds of a call by tokens, one thread."""
    fill_mask, found = FillMask(threads=1), {}
    for tokens in _TOKENS:
        text = _TEXT[:-1] + " and" * (tokens - _TOKENS_OF_TEXT) + "."
        for _ in range(_WARM):
            fill_mask(text)
        found[f"call, {tokens} tokens"] = statistics.median(_seconds(fill_mask, text) for _ in range(_REPEATS))
    return found


def many() -> dict[str, float]:
    """Seconds of ``predict_many`` on a mix of lengths, in batches and one by one, with two workers."""
    fill_mask, found = FillMask(threads=1), {}
    mix = [
        " ".join(_WORDS[(place + index) % len(_WORDS)] for place in range(_LENGTHS[index % len(_LENGTHS)])) + " [MASK]."
        for index in range(_TEXTS)
    ]
    for batch_size, name in ((_BATCH, f"predict_many, batches of {_BATCH}"), (1, "predict_many, one by one")):
        list(fill_mask.predict_many(mix, batch_size=batch_size, workers=_WORKERS))
        begun = time.perf_counter()
        list(fill_mask.predict_many(mix, batch_size=batch_size, workers=_WORKERS))
        found[name] = time.perf_counter() - begun
    return found


def _seconds(fill_mask: FillMask, text: str) -> float:
    begun = time.perf_counter()
    for _ in range(_CALLS):
        fill_mask(text)
    return (time.perf_counter() - begun) / _CALLS
