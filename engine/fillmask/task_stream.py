"""Runs many tasks, lazily, in order, in batches and threads, with errors as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fillmask.batching import distinct
from fillmask.concurrency import Concurrency
from fillmask.errors import FillMaskError, InputError
from fillmask.executor import plan_own, run_task
from fillmask.model import Model
from fillmask.shared_runs import is_alone, plan_reads, run_isolated
from fillmask.tasks import Read, Result, Task

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
_Plan = Callable[[Sequence[Read]], list[list[int]]]

_BATCHES_AHEAD = 8  # of each worker are read together, so that texts of similar length can share a run
_LEAST_AHEAD = 64  # tasks: scoring 48 sentences of a dozen tokens takes 0.96 of the time that it takes with 16


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


def run_tasks(
    model: Model, tasks: Iterable[Task[T] | None], concurrency: Concurrency, *, windows: Iterator[int] | None = None
) -> Iterator[Result[T] | InputError]:
    """Run many tasks, lazily and in order.

    Args:
        model: The model that runs their rows.
        tasks: Are taken one at a time, or where rows of several run together, some ahead of the results. A None
            ends a window. Where it begins one, no task behind it is taken before all results of those before it are
            given, and the next window has the size of this one.
        concurrency: How many rows run together.
        windows: How many tasks are read together, window after window, so that texts of similar length can share a run;
            it does not end. None for eight batches of each worker, and at least 64. With numbers, which rows run
            together does not depend on the workers.

    Returns:
        For each task its result, or the InputError that ended it. Any other error is raised at its place.
    """
    if windows is None and concurrency.batch_size == concurrency.workers == 1:
        return (_result_or_error(model, task) for task in tasks if task is not None)
    ahead = max(_LEAST_AHEAD, concurrency.batch_size * concurrency.workers * _BATCHES_AHEAD)
    return _run_windows(model, iter(tasks), concurrency, repeat(ahead) if windows is None else windows)


def _result_or_error(model: Model, task: Task[T]) -> Result[T] | InputError:
    try:
        return run_task(model, task)
    except InputError as error:
        return error


def _run_windows(
    model: Model, tasks: Iterator[Task[T] | None], concurrency: Concurrency, sizes: Iterator[int]
) -> Iterator[Result[T] | InputError]:
    """While one window of tasks runs, the next is tokenized."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(concurrency.workers, "fillmask") as pool:
        submit = partial(_submit, model, concurrency.batch_size, pool.submit)
        before: Iterator[Result[T] | InputError] = iter(())
        error: Exception | None = None
        size = next(sizes)
        try:
            while error is None:
                runs, error = _start(tasks, size)
                size = next(sizes) if runs else size
                results = _results(model, runs, submit(runs), submit)
                yield from before
                before = results
            yield from before
            if not isinstance(error, StopIteration):
                raise error
        finally:
            pool.shutdown(cancel_futures=True)


def _start(tasks: Iterator[Task[T] | None], size: int) -> tuple[list[TaskRun[T]], Exception | None]:
    """Start the next tasks, up to a None; the error says why there are not more, and the tasks before it still run."""
    runs: list[TaskRun[T]] = []
    try:
        while len(runs) < size and (task := next(tasks)) is not None:
            runs.append(TaskRun(task))
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
    reads = [read for run in waiting if not is_alone(model, run.reads) for read in run.reads]
    shared = iter(_submit_reads(submit, model, reads, partial(plan_reads, model, batch_size=batch_size)))
    own = _submit_own(model, submit, [run.reads for run in waiting if is_alone(model, run.reads)])
    return [(run, next(own) if is_alone(model, run.reads) else [next(shared) for _ in run.reads]) for run in waiting]


def _submit_own(
    model: Model, submit: Callable[..., Future[list[Any]]], tasks: Sequence[Sequence[Read]]
) -> Iterator[list[Callable[[], Any]]]:
    """Submit reads that run beside those of their own task only, or beside others that leave them every bit."""
    choose = partial(plan_own, model)
    if len(tasks) > 1 and model.bitwise_invariant:
        results = iter(_submit_reads(submit, model, [read for reads in tasks for read in reads], choose))
        return ([next(results) for _ in reads] for reads in tasks)
    return (_submit_reads(submit, model, reads, choose) for reads in tasks)


def _submit_reads(
    submit: Callable[..., Future[list[Any]]], model: Model, reads: Sequence[Read], choose: _Plan
) -> list[Callable[[], Any]]:
    """Submit reads batch by batch; the functions wait for their results."""
    kept, indices = distinct(reads)
    results: dict[int, Callable[[], Any]] = {}
    for batch in choose(kept):
        future = submit(run_isolated, model.logits, [kept[index] for index in batch])
        results |= {index: partial(_element, future, place) for place, index in enumerate(batch)}
    return [results[index] for index in indices]


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
