"""The queue of jobs, and the threads that run them.

A run uses one thread, and as many run at once as there are CPUs. That gives a higher rate than all threads on one text.
The next job is the one with the earliest due time: its submission plus a delay for the tokens of its request so far. So
a short text overtakes long texts and long lists; it waits only for runs that have started. The delay is at most five
seconds, so every job runs in the end.

Streams and large requests are bulk. They have a queue and threads of their own, at a lower priority. A short text
therefore never waits for a bulk run to end. While short texts come, one CPU is left to them, if there are several.
While one of them waits, at most two bulk runs a second start.

A score or a matrix of marginals has batches of its own. One thread leads them. Threads for bulk that find no job in
their queue assist it with further batches, so that a large request takes all CPUs where nobody else needs them.

Jobs that wait share a batch where that changes no score. A text is never delayed to fill a batch. On a CPU a batch
holds at most 512 tokens, or masks and predictions that take as long. Where padding changes scores, the worker runs the
texts of a batch whose rows are as long as the first one's; the others enter the queue again with their first due time.
"""

from __future__ import annotations

import asyncio
import threading
from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from math import ceil, inf
from time import monotonic
from typing import TypeAlias

from fillmask.server.job import Job, JobResult
from fillmask.server.thread_priority import lower_priority
from fillmask.server.worker import Outcome, assist, work

# Jobs of the queue that are candidates for a batch.
_LOOKAHEAD = 64
# For so long after a short text, bulk leaves a CPU idle: the next one is likely to come soon.
_LEAVES_CPU_S = 0.1
# Between the starts of two bulk runs while short texts wait. Beside all attacks of the scorecard it halves the p99.
_BULK_PAUSE_S = 0.5
_Queue = list[tuple[float, int, Job]]
_Turn: TypeAlias = Callable[[], "list[tuple[Job, Outcome]]"]


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
        self._led: list[Job] = []  # bulk jobs under way that had batches which no thread had begun
        self._bulk_runs = 0
        self._last_short = self._last_bulk = -inf
        self._order = count()
        self._run_starts: dict[int, float] = {}
        self._stopped, self._cancelled = False, 0
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

    def drop_cancelled(self) -> None:
        """Note that a future was cancelled. Once a quarter of the queue may be such, they leave it."""
        self._cancelled += 1
        if 4 * self._cancelled > self.waiting:
            self._cancelled = 0
            self._drop()

    @property
    def waiting(self) -> int:
        """Jobs in the queue, up to a quarter of them cancelled."""
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
        while turn := self._next(bulk):
            self._run_starts[threading.get_ident()] = monotonic()
            self._end_run(turn(), bulk)
            del turn  # a thread without work keeps no job, which holds the text of its request

    def _end_run(self, outcomes: list[tuple[Job, Outcome]], bulk: int) -> None:
        """Queue the jobs that go on, and deliver the outcomes of the others."""
        del self._run_starts[threading.get_ident()]
        if bulk:
            with self._lock:
                self._bulk_runs -= 1
                self._changed[True].notify()
        self.submit(job for job, outcome in outcomes if outcome is None)
        if outcomes:
            self._loop.call_soon_threadsafe(_deliver, outcomes)

    def _next(self, bulk: int) -> _Turn | None:
        """Wait for the next run of a queue, or for a run of bulk to assist; None after ``stop``."""
        queue = self._queues[bulk]
        with self._lock:
            while not self._stopped:
                self._drop_ended()
                assisted = self._led[0] if bulk and not queue and self._led else None
                if (queue or assisted) and (not bulk or self._bulk_runs < self._most_bulk_runs):
                    self._count_start(bulk)
                    return partial(self._assist, assisted) if assisted else partial(self._run, self._take(queue))
                # Time alone can raise the limit of bulk runs.
                self._changed[bulk].wait(_LEAVES_CPU_S if queue or assisted else None)
            return None

    def _run(self, jobs: list[Job]) -> list[tuple[Job, Outcome]]:
        return list(zip(jobs, work(jobs, self._count, self._lead), strict=True))

    def _lead(self, job: Job) -> None:
        """Let idle threads assist a job of bulk. Other jobs are short, and leave the other CPUs to the next text."""
        if job.bulk:
            with self._lock:
                self._led.append(job)
                self._changed[True].notify_all()

    def _assist(self, job: Job) -> list[tuple[Job, Outcome]]:
        with self._lock:
            self.runs += 1
        assist(job)
        return []

    def _drop(self) -> None:
        """They hold the texts of their requests, whose bytes are no longer counted."""
        with self._lock:
            for queue in self._queues:
                queue[:] = [each for each in queue if not each[2].future.cancelled()]
            self._led = [job for job in self._led if _has_batches(job)]

    def _drop_ended(self) -> None:
        for queue in self._queues:
            while queue and queue[0][2].future.cancelled():
                del queue[0]
        self._led = [job for job in self._led if _has_batches(job)]

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


def _has_batches(job: Job) -> bool:
    """Whether another thread may run a batch of a job under way."""
    own = job.own
    return own is not None and own.waiting and not job.future.done() and monotonic() < job.deadline


def _nearest(first: Job, jobs: Iterable[Job]) -> list[Job]:
    """Give the jobs that may share a batch with the first one, most similar in length first: padding costs a run."""
    fitting = (job for job in jobs if job.fits_with(first))
    return sorted(fitting, key=lambda job: abs(job.weight - first.weight))


def _deliver(outcomes: list[tuple[Job, Outcome]]) -> None:
    for job, outcome in outcomes:
        if job.future.done() or outcome is None:
            continue
        if isinstance(outcome, JobResult):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)
