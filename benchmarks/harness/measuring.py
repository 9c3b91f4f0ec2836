"""What a worker does with its contender: load it, ask it, time it."""

from __future__ import annotations

import gc
import itertools
import time
from typing import Any

from benchmarks.contenders import Answer, Contender, open_contender
from benchmarks.harness.worker import Handlers
from benchmarks.models.folders import from_json

HANDLERS = "benchmarks.harness.measuring:handlers"
_LEAST_SECONDS = 0.4


def handlers() -> Handlers:
    """The commands of a worker."""
    measured = Measured()
    return {name: getattr(measured, name) for name in ("load", "answers", "calls", "seconds", "split")}


class Measured:
    """A contender under the clock."""

    _contender: Contender

    def load(self, name: str, folders: dict[str, Any], threads: int) -> dict[str, Any]:
        """Load a contender.

        Returns:
            Its settings.
        """
        self._contender = open_contender(name, from_json(folders), threads)
        gc.collect()
        gc.freeze()
        return self._contender.settings

    def answers(self, texts: list[str]) -> list[Answer]:
        """What it answers, one text at a time."""
        self._prepare(texts)
        return [self._contender.predict([text])[0] for text in texts]

    def calls(self, texts: list[str], least: int, most: int, seconds: float) -> list[float]:
        """Milliseconds of calls with one text each, by turns; two before them, into cold caches, do not count.

        Args:
            texts: Of one mask each.
            least: Calls, however long they take.
            most: Calls, however short they are.
            seconds: After which no call is begun, but for the least.
        """
        self._prepare(texts)
        ahead = itertools.cycle(texts)
        for _ in range(2):
            self._contender.predict([next(ahead)])
        times: list[float] = []
        end = time.perf_counter() + seconds
        while len(times) < most and (len(times) < least or time.perf_counter() < end):
            times.append(self._time([next(ahead)], 1, 1) * 1e3)
        return times

    def seconds(self, texts: list[str], batch_size: int, workers: int) -> float:
        """Seconds for all texts, the mean of as many times as take 0.4 seconds; one text before does not count."""
        self._contender.predict(texts[:1])
        times: list[float] = []
        while sum(times) < _LEAST_SECONDS:
            times.append(self._time(texts, batch_size, workers))
        return sum(times) / len(times)

    def split(self, texts: list[str]) -> list[tuple[float, float, float]]:
        """Milliseconds of the steps of each text's call, of fillmask; each text is asked once before."""
        self._contender.predict(texts)
        steps: list[tuple[float, float, float]] = self._contender.split(texts)  # type: ignore[attr-defined]
        return steps

    def _time(self, texts: list[str], batch_size: int, workers: int) -> float:
        start = time.perf_counter_ns()
        self._contender.predict(texts, batch_size, workers)
        return (time.perf_counter_ns() - start) / 1e9

    def _prepare(self, texts: list[str]) -> None:
        """Make the arrays of one that is fed arrays."""
        prepare = getattr(self._contender, "prepare", None)
        if prepare:
            prepare(texts)
