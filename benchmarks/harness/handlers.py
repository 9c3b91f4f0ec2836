"""The commands of a contender's process: load it, predict, time it."""

from __future__ import annotations

import gc
import itertools
import time
from typing import Any

from benchmarks.contenders import Contender, Predictions, open_contender
from benchmarks.device import DEVICES
from benchmarks.harness.worker import Handlers
from benchmarks.models.folders import from_json

HANDLERS = "benchmarks.harness.handlers:handlers"
_LEAST_SECONDS = 0.4


def handlers() -> Handlers:
    """The commands of a worker."""
    timed = TimedContender()
    return {name: getattr(timed, name) for name in ("load", "predictions", "calls", "seconds", "split")}


class TimedContender:
    """A contender and a clock."""

    _contender: Contender

    def load(self, name: str, folders: dict[str, Any], threads: int, device: str = "cpu") -> dict[str, Any]:
        """Load a contender.

        Returns:
            Its settings.
        """
        self._contender = open_contender(name, from_json(folders), threads, DEVICES[device])
        gc.collect()
        gc.freeze()
        return self._contender.settings

    def predictions(self, texts: list[str], batch_size: int = 1) -> list[Predictions]:
        """The predictions of texts, one at a time or in batches."""
        self._prepare(texts)
        if batch_size > 1:
            return self._contender.predict(texts, batch_size)
        return [self._contender.predict([text])[0] for text in texts]

    def calls(self, texts: list[str], least: int, most: int, seconds: float) -> list[float]:
        """Milliseconds of calls with one text each, in turn; two calls before them warm caches and do not count.

        Args:
            texts: With one mask each.
            least: Calls, however long they take.
            most: Calls, however short they are.
            seconds: After which no call starts, except for the least number.
        """
        self._prepare(texts)
        queue = itertools.cycle(texts)
        for _ in range(2):
            self._contender.predict([next(queue)])
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < most and (len(times) < least or time.perf_counter() < end):
            times.append(self._time([next(queue)], 1, 1) * 1e3)
        return times

    def seconds(self, texts: list[str], batch_size: int, workers: int) -> float:
        """Seconds for all texts, the mean over as many repetitions as take 0.4 seconds; one text warms caches."""
        self._contender.predict(texts[:1])
        times: list[float] = []
        while sum(times) < _LEAST_SECONDS:
            times.append(self._time(texts, batch_size, workers))
        return sum(times) / len(times)

    def split(self, texts: list[str]) -> list[tuple[float, float, float]]:
        """Milliseconds of the steps of each text's call, of fillmask; each text runs once before."""
        self._contender.predict(texts)
        steps: list[tuple[float, float, float]] = self._contender.split(texts)  # type: ignore[attr-defined]
        return steps

    def _time(self, texts: list[str], batch_size: int, workers: int) -> float:
        start = time.perf_counter_ns()
        self._contender.predict(texts, batch_size, workers)
        return (time.perf_counter_ns() - start) / 1e9

    def _prepare(self, texts: list[str]) -> None:
        """Make the arrays of a contender that takes arrays."""
        prepare = getattr(self._contender, "prepare", None)
        if prepare:
            prepare(texts)
