"""Runs tasks: one at a time, or many in batches and threads, lazily, in order, with errors as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fillmask.batching import CPU_LIMITS, GPU_LIMITS, BatchLimits, distinct, plan
from fillmask.concurrency import MAX_ROWS, Concurrency
from fillmask.errors import FillMaskError, InputError
from fillmask.model import Model
from fillmask.tasks import Read, Result, Task

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
Logits = Callable[[Sequence[Read]], NDArray[np.float32]]

# For the rows of one text on a CPU: with more tokens a run takes as long as its rows one after the other.
_OWN_LIMITS = BatchLimits(tokens=512)
_BATCHES_AHEAD = 8  # of each worker are read together, so that texts of similar length can share a run


class TaskRun(Generic[T]):
    """A task under way.

    Attributes:
        reads: What it waits for; none once it has ended.
        outcome: Its result, or the error that ended it; None until then.
    """

    def __init__(self, task: Task[T]) -> None:
        self._task = task
        self.reads: list[Read] = []
        self.outcome: Result[T] | FillMaskError | None = None
        self._step(lambda: next(task))

    def send(self, results: list[Any]) -> None:
        """Continue with one result for each read; one that is an error ends the task with it."""
        error = next((result for result in results if isinstance(result, FillMaskError)), None)
        self._step(lambda: self._task.send(results) if error is None else self._task.throw(error))

    def _step(self, step: Callable[[], list[Read]]) -> None:
        self.reads = []
        try:
            self.reads = step()
        except StopIteration as end:
            self.outcome = end.value
        except FillMaskError as error:
            self.outcome = error


def run_task(model: Model, task: Task[T]) -> Result[T]:
    """Run one task in this thread.

    Its rows of equal length run together, as far as the model stays exact. So a result does not depend on what else
    runs.

    Raises:
        FillMaskError: What ended the task.
    """
    try:
        reads = next(task)
        while True:
            try:
                results = _run_batch(model.logits, reads) if len(reads) == 1 else _run_own(model, reads)
            except FillMaskError as error:
                reads = task.throw(error)  # as TaskRun.send does: a task may catch it
            else:
                reads = task.send(results)
    except StopIteration as end:
        result: Result[T] = end.value
        return result


def run_tasks(
    model: Model, tasks: Iterable[Task[T]], concurrency: Concurrency, *, window: int | None = None
) -> Iterator[Result[T] | InputError]:
    """Run many tasks, lazily and in order.

    Args:
        model: The model that runs their rows.
        tasks: Are taken one at a time, or where rows of several run together, some ahead of the results.
        concurrency: How many rows run together.
        window: Tasks that are read together, so that texts of similar length can share a run; None for eight batches of
            each worker. With a number, which rows run together does not depend on the workers.

    Returns:
        For each task its result, or the InputError that ended it. Any other error is raised at its place.
    """
    if window is None and concurrency.batch_size == concurrency.workers == 1:
        return (_result_or_error(model, task) for task in tasks)
    size = window or concurrency.batch_size * concurrency.workers * _BATCHES_AHEAD
    return _run_windows(model, iter(tasks), concurrency, size)


def run_reads(model: Model, reads: Sequence[Read], batch_size: int, logits: Logits | None = None) -> list[Any]:
    """Run reads of several tasks in this thread.

    Args:
        model: The model.
        reads: In any order; equal reads run once.
        batch_size: Reads of one run, at most.
        logits: What runs the rows, ``model.logits`` unless it is wrapped.

    Returns:
        One result for each read, or the error of its run.
    """
    kept, indices = distinct(reads)
    results = _run_plan(partial(_run_isolated, logits or model.logits), kept, _plan(model, kept, batch_size))
    return [results[index] for index in indices]


def _run_own(model: Model, reads: Sequence[Read]) -> list[Any]:
    """Run the reads of one task; the error of a run is raised."""
    kept, indices = distinct(reads)
    limits = GPU_LIMITS if model.session.on_gpu else _OWN_LIMITS
    batches = plan(kept, MAX_ROWS if model.equal_length_invariant else 1, limits, padded=False)
    results = _run_plan(partial(_run_batch, model.logits), kept, batches)
    return [results[index] for index in indices]


def _plan(model: Model, reads: Sequence[Read], batch_size: int) -> list[list[int]]:
    """Choose which reads of several tasks run together, as far as the model stays exact."""
    limits = GPU_LIMITS if model.session.on_gpu else CPU_LIMITS
    return plan(reads, batch_size, limits, padded=model.batch_invariant)


def _run_plan(
    run: Callable[[Sequence[Read]], list[Any]], reads: Sequence[Read], batches: Iterable[Sequence[int]]
) -> dict[int, Any]:
    results: dict[int, Any] = {}
    for batch in batches:
        results |= zip(batch, run([reads[index] for index in batch]), strict=True)
    return results


def _run_batch(logits: Logits, reads: Sequence[Read]) -> list[Any]:
    """Run reads of equally many positions together, and reduce their logits in this thread."""
    return [read.reading(rows) for read, rows in zip(reads, logits(reads), strict=True)]


def _run_isolated(logits: Logits, reads: Sequence[Read]) -> list[Any]:
    """As ``_run_batch``; a run that fails is repeated read by read, so that only the reads at fault give an error."""
    try:
        return _run_batch(logits, reads)
    except FillMaskError as error:
        return [error] if len(reads) == 1 else [_run_isolated(logits, [read])[0] for read in reads]


def _result_or_error(model: Model, task: Task[T]) -> Result[T] | InputError:
    try:
        return run_task(model, task)
    except InputError as error:
        return error


def _run_windows(
    model: Model, tasks: Iterator[Task[T]], concurrency: Concurrency, size: int
) -> Iterator[Result[T] | InputError]:
    """While one window of tasks runs, the next is tokenized."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(concurrency.workers, "fillmask") as pool:
        submit = partial(_submit, model, concurrency.batch_size, pool.submit)
        before: Iterator[Result[T] | InputError] = iter(())
        error: Exception | None = None
        try:
            while error is None:
                runs, error = _start(tasks, size)
                results = _results(model, runs, submit(runs), submit)
                yield from before
                before = results
            yield from before
            if not isinstance(error, StopIteration):
                raise error
        finally:
            pool.shutdown(cancel_futures=True)


def _start(tasks: Iterator[Task[T]], size: int) -> tuple[list[TaskRun[T]], Exception | None]:
    """Start the next tasks; the error says why there are not more, and the tasks before it still run."""
    runs: list[TaskRun[T]] = []
    try:
        while len(runs) < size:
            runs.append(TaskRun(next(tasks)))
    except Exception as error:
        return runs, error
    return runs, None


# One for each task that waits: the task, and functions that wait for the results of its reads.
_Pending = list[tuple[TaskRun[T], list[Callable[[], Any]]]]


def _submit(
    model: Model, batch_size: int, submit: Callable[..., Future[list[Any]]], runs: Sequence[TaskRun[T]]
) -> _Pending[T]:
    """Run what the tasks wait for in the pool."""
    waiting = [run for run in runs if run.outcome is None]
    reads, indices = distinct([read for run in waiting for read in run.reads])
    results: dict[int, Callable[[], Any]] = {}
    for batch in _plan(model, reads, batch_size):
        future = submit(_run_isolated, model.logits, [reads[index] for index in batch])
        results |= {index: partial(_element, future, place) for place, index in enumerate(batch)}
    ordered = (results[index] for index in indices)
    return [(run, [next(ordered) for _ in run.reads]) for run in waiting]


def _element(future: Future[list[Any]], place: int) -> Any:  # noqa: ANN401 -- what the reading gives
    return future.result()[place]


def _results(
    model: Model, runs: list[TaskRun[T]], pending: _Pending[T], submit: Callable[[list[TaskRun[T]]], _Pending[T]]
) -> Iterator[Result[T] | InputError]:
    """Send results to tasks round by round, and give each outcome as soon as it and those before it are known."""
    current = iter(pending)
    for run in runs:
        while run.outcome is None:
            waiting, results = next(current, (None, []))
            if waiting is None:
                current = iter(submit(runs))
                continue
            model.session.check_process()  # a fork has no threads to wait for
            waiting.send([result() for result in results])
        yield _value(run.outcome)


def _value(outcome: Result[T] | FillMaskError) -> Result[T] | InputError:
    if isinstance(outcome, (Result, InputError)):
        return outcome
    raise outcome
