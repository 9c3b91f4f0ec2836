"""The queue of jobs, and the threads that run them.

A run uses one thread, and as many run at once as there are CPUs. That gives a higher rate than all threads on one text.
The next job is the one with the earliest due time: its submission plus a delay for the tokens of its request so far. So
a short text overtakes long texts and long lists; it waits only for runs that have started. The delay is at most five
seconds, so every job runs in the end.

Streams and large requests are bulk. They have a queue and threads of their own, at a lower priority. A short text
therefore never waits for a bulk run to end. While short texts come, one CPU is left to them, if there are several.
While one of them waits, at most two bulk runs a second start.

Jobs that wait share a batch where that changes no score. A text is never delayed to fill a batch. On a CPU a batch
holds at most 512 tokens, or masks and predictions that take as long. Where padding changes scores, the worker runs the
texts of a batch whose rows are as long as the first one's; the others enter the queue again with their first due time.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import insort
from collections.abc import Iterable, Sequence
from itertools import count
from math import ceil, inf
from time import monotonic

from fillmask.server.job import Job, JobResult
from fillmask.server.thread_priority import lower_priority
from fillmask.server.worker import Outcome, work

# Jobs of the queue that are candidates for a batch.
_LOOKAHEAD = 64
# For so long after a short text, bulk leaves a CPU idle: the next one is likely to come soon. A client that sends one
# text and then a large request must not wait for longer.
_LEAVES_CPU_S = 0.1
# Between the starts of two bulk runs while short texts wait. Beside all attacks of the scorecard the 99 % of a client's
# latencies is half of that without this pause.
_BULK_PAUSE_S = 0.5
_Queue = list[tuple[float, int, Job]]


class Scheduler:
    """Runs jobs in its own threads.

    Args:
        threads: Concurrent runs.
        loop: The event loop of the jobs' futures.
        max_batch: Texts of a run, at most.

    Attributes:
        threads: Concurrent runs.
        started: Texts whose run has started.
        runs: Runs that have started.
    """

    def __init__(self, threads: int, loop: asyncio.AbstractEventLoop, *, max_batch: int = 1) -> None:
        self.threads = threads
        self.started = self.runs = 0
        self._loop = loop
        self._max_batch = max_batch
        self._lock = threading.Lock()
        # Of the jobs that are not bulk, and of those that are. A queue is in the order of its runs: due time, arrival.
        self._queues: tuple[_Queue, _Queue] = ([], [])
        self._changed = (threading.Condition(self._lock), threading.Condition(self._lock))
        self._bulk_runs = 0
        self._last_short = self._last_bulk = -inf
        self._order = count()
        self._run_starts: dict[int, float] = {}
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, args=(bulk,), name=f"fillmask-{kind}-{index}", daemon=True)
            for bulk, kind in enumerate(("short", "bulk"))
            for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, jobs: Iterable[Job]) -> None:
        """Queue jobs. A job whose future is cancelled before its run never runs."""
        with self._lock:
            for job in jobs:
                insort(self._queues[job.bulk], (job.due, next(self._order), job))
                self._changed[job.bulk].notify()
                if not job.bulk:
                    self._last_short = monotonic()

    @property
    def waiting(self) -> int:
        """Jobs in the queue. A cancelled job counts until it reaches the front."""
        return sum(map(len, self._queues))

    @property
    def longest_run(self) -> float:
        """Seconds since the start of the oldest run in progress; 0 without one."""
        starts = list(self._run_starts.values())
        return monotonic() - min(starts) if starts else 0.0

    @property
    def alive(self) -> bool:
        """Whether every thread is alive."""
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, timeout: float) -> bool:
        """End the threads after their current runs. Jobs in the queue never run.

        Args:
            timeout: Seconds to wait for the threads.

        Returns:
            Whether all threads ended in time.
        """
        with self._lock:
            self._stopped = True
            for changed in self._changed:
                changed.notify_all()
        end = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, bulk: int) -> None:
        if bulk:
            lower_priority()
        while jobs := self._next(bulk):
            self._run_starts[threading.get_ident()] = monotonic()
            outcomes = work(jobs, self._count)
            del self._run_starts[threading.get_ident()]
            if bulk:
                self._end_bulk_run()
            self.submit(job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is None)
            self._loop.call_soon_threadsafe(_deliver, jobs, outcomes)

    def _next(self, bulk: int) -> list[Job]:
        """Wait for the next batch of jobs of a queue; empty after ``stop``."""
        queue = self._queues[bulk]
        with self._lock:
            while not self._stopped:
                self._drop_cancelled()
                if queue and (not bulk or self._bulk_runs < self._most_bulk_runs):
                    self._count_start(bulk)
                    return self._take(queue)
                # Time alone can raise the limit of bulk runs.
                self._changed[bulk].wait(_LEAVES_CPU_S if queue else None)
            return []

    def _drop_cancelled(self) -> None:
        for queue in self._queues:
            while queue and queue[0][2].future.cancelled():
                del queue[0]

    def _count_start(self, bulk: int) -> None:
        if bulk:
            self._bulk_runs += 1
            self._last_bulk = monotonic()

    @property
    def _most_bulk_runs(self) -> int:
        if self._queues[0] and monotonic() - self._last_bulk < _BULK_PAUSE_S:
            return 0
        leaves_cpu = self._queues[0] or monotonic() - self._last_short < _LEAVES_CPU_S
        return max(1, self.threads - 1) if leaves_cpu else self.threads

    def _end_bulk_run(self) -> None:
        with self._lock:
            self._bulk_runs -= 1
            self._changed[True].notify()

    def _take(self, queue: _Queue) -> list[Job]:
        first = queue[0][2]
        model = first.model.model
        # The threads share the queue: two concurrent runs end before one run of all. All threads share one GPU.
        share = len(queue) if model.session.on_gpu else ceil(len(queue) / self.threads)
        fitting = first.model.max_batch_tokens // first.weight or 1
        most = min(self._max_batch, share, fitting) if model.equal_length_invariant else 1
        chosen, left = [first], first.model.max_batch_tokens - first.cost
        for job in _nearest(first, [job for _, _, job in queue[1:_LOOKAHEAD]]) if most > 1 else ():
            if len(chosen) >= most:
                break
            if job.cost <= left and not job.future.cancelled():
                chosen.append(job)
                left -= job.cost
        taken = set(chosen)
        queue[:_LOOKAHEAD] = [each for each in queue[:_LOOKAHEAD] if each[2] not in taken]
        return chosen

    def _count(self, jobs: Sequence[Job]) -> None:
        with self._lock:
            self.started += sum(job.task is None for job in jobs)
            self.runs += bool(jobs)


def _nearest(first: Job, jobs: Iterable[Job]) -> list[Job]:
    """Give the jobs that may share a batch with the first one, most similar in length first: padding costs a run."""
    fitting = (job for job in jobs if job.fits_with(first))
    return sorted(fitting, key=lambda job: abs(job.weight - first.weight))


def _deliver(jobs: list[Job], outcomes: list[Outcome]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.future.done() or outcome is None:
            continue
        if isinstance(outcome, JobResult):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)
