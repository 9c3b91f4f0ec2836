"""A contender in its process: load it, predict, time it, read its memory."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.contenders import Contender, Predictions, open_contender
from benchmarks.device import CPU, Device
from benchmarks.models.folders import ModelFolders

_LEAST_SECONDS = 0.4
_PIPELINE = ("torch", "transformers:pipeline", "transformers:AutoModelForMaskedLM", "transformers:AutoTokenizer")
_IMPORTS = {
    "fillmask": ("fillmask:FillMask",),
    "optimum": (*_PIPELINE, "optimum.onnxruntime:ORTModelForMaskedLM"),
    "transformers": _PIPELINE,
}


class MeasuredContender:
    """A contender, a clock, and the memory of the process."""

    _contender: Contender

    def imports(self, name: str) -> None:
        """Import what the contender's user imports."""
        for each in _IMPORTS[name.partition("-")[0]]:
            module, _, attribute = each.partition(":")
            imported = import_module(module)
            if attribute:
                getattr(imported, attribute)  # these packages import their parts on first access

    def load(
        self, name: str, folders: ModelFolders, threads: int, device: Device = CPU, *, freeze: bool = True
    ) -> dict[str, Any]:
        """Load a contender.

        Args:
            name: Of the contender.
            folders: Of the model.
            threads: Of one run.
            device: Where it runs.
            freeze: Collect garbage, and leave what remains out of later collections: for times, not for memory.

        Returns:
            Its settings.
        """
        self._contender = open_contender(name, folders, threads, device)
        if freeze:
            gc.collect()
            gc.freeze()
        return self._contender.settings

    def predictions(self, texts: list[str], batch_size: int = 1) -> list[Predictions]:
        """The predictions of texts, one at a time or in batches."""
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
        queue, times = itertools.cycle(texts), list[float]()
        self._contender.predict([next(queue)])
        self._contender.predict([next(queue)])
        end = time.perf_counter() + seconds
        while len(times) < most and (len(times) < least or time.perf_counter() < end):
            start = time.perf_counter()
            self._contender.predict([next(queue)])
            times.append((time.perf_counter() - start) * 1e3)
        return times

    def seconds(self, texts: list[str], batch_size: int, workers: int) -> float:
        """Seconds for all texts, the mean over as many repetitions as take 0.4 seconds; one text warms caches."""
        self._contender.predict(texts[:1])
        return mean_seconds(partial(self._contender.predict, texts, batch_size, workers), _LEAST_SECONDS)

    def memory(self) -> dict[str, float]:
        """MB of this process, as ``fillmask.environment.Memory`` has them.

        Raises:
            OSError: The system does not report them; Linux does.
        """
        from fillmask.environment import process_memory  # an older fillmask, which may be timed here, lacks it

        found = process_memory()
        if found is None:
            raise OSError("this system does not report the memory of a process; Linux 4.14 and later do")
        return {"rss": found.rss / 1e6, "pss": found.pss / 1e6, "peak": found.peak / 1e6}


def mean_seconds(run: Callable[[], object], least: float) -> float:
    """Seconds of a run, the mean over as many as take ``least`` seconds."""
    times: list[float] = []
    while sum(times) < least:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sum(times) / len(times)
