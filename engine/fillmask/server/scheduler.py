"""Which text runs next, and the threads that run them.

A run has one thread, and there are as many threads as CPUs: that gives a higher rate than all threads on one text.
The next text is the one whose arrival, put off by the tokens that its request has asked for so far, is earliest. So a
short text overtakes long ones and long lists, and waits for no more than the runs that have begun; and as it is put off
by two seconds at most, nothing waits for ever.

Texts that wait anyway run together, where the model answers each as it would alone. Nobody waits for company, and on a
CPU they are together no longer than one long text.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import insort
from collections.abc import Iterable
from itertools import count
from math import ceil
from time import monotonic

from fillmask.server.job import Done, Job
from fillmask.server.worker import Outcome, work

_LOOKED_AT = 64


class Scheduler:
    """Runs jobs.

    Args:
        threads: Runs at once.
        loop: The event loop whose futures the jobs carry.
        batch: Texts of a run, at most.

    Attributes:
        threads: Runs at once.
        started: Texts whose run began.
        runs: Runs that began.
    """

    def __init__(self, threads: int, loop: asyncio.AbstractEventLoop, *, batch: int = 1) -> None:
        self.threads = threads
        self.started = self.runs = 0
        self._loop = loop
        self._batch = batch
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Job]] = []  # in the order in which they shall run
        self._order = count()
        self._began: dict[int, float] = {}
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, name=f"fillmask-{index}", daemon=True) for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, jobs: Iterable[Job]) -> None:
        """Let jobs wait for their turn. One whose future is cancelled meanwhile never runs."""
        with self._changed:
            for job in jobs:
                insort(self._waiting, (job.due, next(self._order), job))
                self._changed.notify()

    @property
    def waiting(self) -> int:
        """Jobs that wait, the abandoned ones among them that have not come up yet."""
        return len(self._waiting)

    @property
    def longest_run(self) -> float:
        """Seconds since the oldest run that has not ended began; 0 where none runs."""
        began = list(self._began.values())
        return monotonic() - min(began) if began else 0.0

    @property
    def alive(self) -> bool:
        """Whether every thread is there."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, timeout: float) -> bool:
        """End the threads once their runs have ended. What still waits never runs.

        Returns:
            Whether they all ended within so many seconds.
        """
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        end = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while jobs := self._next():
            self._began[threading.get_ident()] = monotonic()
            outcomes = work(jobs, self._count)
            del self._began[threading.get_ident()]
            self._loop.call_soon_threadsafe(_deliver, jobs, outcomes)

    def _next(self) -> list[Job]:
        """The jobs that run next, together; none at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if self._stopped:
                    return []
                if jobs := self._take():
                    return jobs

    def _take(self) -> list[Job]:
        while self._waiting and self._waiting[0][2].future.cancelled():
            del self._waiting[0]
        if not self._waiting:
            return []
        first = self._waiting[0][2]
        engine = first.model.engine
        # Company is shared out among the threads: two runs at once end before one of all. A GPU has one device for all.
        share = len(self._waiting) if engine.on_gpu else ceil(len(self._waiting) / self.threads)
        most = min(self._batch, share, engine.company // first.weight or 1) if engine.batches else 1
        chosen = [0]
        for index in range(1, min(len(self._waiting), _LOOKED_AT)):
            if len(chosen) >= most:
                break
            job = self._waiting[index][2]
            if job.joins(first) and not job.future.cancelled():
                chosen.append(index)
        jobs = [self._waiting[index][2] for index in chosen]
        for index in reversed(chosen):
            del self._waiting[index]
        return jobs

    def _count(self, texts: int) -> None:
        with self._changed:
            self.started += texts
            self.runs += bool(texts)


def _deliver(jobs: list[Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.future.done():
            continue
        if isinstance(outcome, Done):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)
