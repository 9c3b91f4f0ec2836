"""Runs tasks: one at a time, or many in batches and threads, lazily, in order, with errors as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fillmask.batching import CPU_LIMITS, GPU_LIMITS, distinct, plan
from fillmask.errors import FillMaskError, InputError
from fillmask.model import Model
from fillmask.tasks import Read, Result, Task

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

GPU_BATCH_SIZE = 64
_BATCHES_AHEAD = 8  # of each worker are read together, so that texts of similar length can share a run
_MAX = 1024


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many rows run together, checked.

    Attributes:
        batch_size: Rows of one run.
        workers: Runs at the same time.
    """

    batch_size: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        for name, value in (("batch_size", self.batch_size), ("workers", self.workers)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX:
                raise InputError(f"{name} must be a whole number from 1 to {_MAX}, got {value!r}")


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


def choose_concurrency(model: Model, batch_size: int | None = None, workers: int = 1) -> Concurrency:
    """Check how many rows run together.

    Args:
        model: The model.
        batch_size: Rows of one run; None is 1, and on a GPU ``GPU_BATCH_SIZE`` where the model is batch-invariant as
            measured on a CPU.
        workers: Runs at the same time.

    Raises:
        InputError: A number is out of its range; or rows that run together change each other's scores, as far as is
            known. Of a foreign folder that holds for a quantized variant, whose scales may come from all rows, and for
            a graph without an attention mask, for which padding is text.
    """
    if batch_size is None:
        batch_size = GPU_BATCH_SIZE if model.session.on_gpu and model.batch_invariant else 1
    concurrency = Concurrency(batch_size, workers)
    if batch_size > 1 and not model.equal_length_invariant:
        raise InputError(
            f"variant {model.variant} of {model.artifact.source} is not batch-invariant, as far as is known: texts "
            f"would change each other's scores; take batch_size=1"
        )
    return concurrency


def run_task(model: Model, task: Task[T]) -> Result[T]:
    """Run one task in this thread, its rows one after the other.

    Raises:
        FillMaskError: What ended the task.
    """
    try:
        reads = next(task)
        while True:
            try:
                results = [run_batch(model, [read])[0] for read in reads]
            except FillMaskError as error:
                reads = task.throw(error)  # as TaskRun.send: a task may catch it, and ends alike in both drivers
            else:
                reads = task.send(results)
    except StopIteration as end:
        result: Result[T] = end.value
        return result


def run_tasks(model: Model, tasks: Iterable[Task[T]], concurrency: Concurrency) -> Iterator[Result[T] | InputError]:
    """Run many tasks, lazily and in order.

    Args:
        model: The model that runs their rows.
        tasks: Are taken one at a time, or where rows of several run together, some ahead of the results.
        concurrency: How many rows run together.

    Returns:
        For each task its result, or the InputError that ended it. Any other error is raised at its place.
    """
    if concurrency.batch_size == concurrency.workers == 1:
        return (_result_or_error(model, task) for task in tasks)
    return _run_windows(model, iter(tasks), concurrency)


def run_batch(model: Model, reads: Sequence[Read]) -> list[Any]:
    """Run reads of equally many positions together, and reduce their logits in this thread."""
    logits = model.logits(reads)
    return [read.reading(rows) for read, rows in zip(reads, logits, strict=True)]


def run_isolated(model: Model, reads: Sequence[Read]) -> list[Any]:
    """As ``run_batch``; a run that fails is repeated read by read, so that only the reads at fault give an error."""
    try:
        return run_batch(model, reads)
    except FillMaskError as error:
        return [error] if len(reads) == 1 else [run_isolated(model, [read])[0] for read in reads]


def plan_reads(model: Model, reads: Sequence[Read], batch_size: int) -> list[list[int]]:
    """Choose which reads run together, within what keeps the model's scores exact."""
    limits = GPU_LIMITS if model.session.on_gpu else CPU_LIMITS
    return plan(reads, batch_size, limits, padded=model.batch_invariant)


def _result_or_error(model: Model, task: Task[T]) -> Result[T] | InputError:
    try:
        return run_task(model, task)
    except InputError as error:
        return error


def _run_windows(model: Model, tasks: Iterator[Task[T]], concurrency: Concurrency) -> Iterator[Result[T] | InputError]:
    """While one window of tasks runs, the next is tokenized."""
    from concurrent.futures import ThreadPoolExecutor

    size = concurrency.batch_size * concurrency.workers * _BATCHES_AHEAD
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
    for batch in plan_reads(model, reads, batch_size):
        future = submit(run_isolated, model, [reads[index] for index in batch])
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
