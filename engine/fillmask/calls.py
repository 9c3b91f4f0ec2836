"""A call of ``FillMask``: it resolves its parameters, runs tasks, and warns of what the caller should know."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from fillmask.errors import InputError
from fillmask.executor import run_task
from fillmask.model import Model
from fillmask.notices import warn
from fillmask.tasks import Result, Task

P = TypeVar("P")
T = TypeVar("T")


def resolved(resolve: Callable[[], Result[P]]) -> P:
    """Resolve parameters, and warn of what was replaced, also before an error.

    Raises:
        InputError: A parameter is wrong.
    """
    try:
        result = resolve()
    except InputError as error:
        warn(error.notices)
        raise
    warn(result.notices)
    return result.value


def run(model: Model, task: Task[T]) -> T:
    """Run one task, and warn.

    Raises:
        FillMaskError: What ended the task.
    """
    result = run_task(model, task)
    if result.notices:
        warn(result.notices)
    return result.value


def run_many(
    model: Model, tasks: Iterable[Task[T]], batch_size: int | None, workers: int, *, alone: bool = False
) -> Generator[T | InputError, None, None]:
    """Run many tasks, lazily and in order, and warn; one that ends with an InputError gives it.

    ``alone`` says that all their reads are, as in ``choose_concurrency``.
    """
    from fillmask.concurrency import choose_concurrency
    from fillmask.task_stream import run_tasks

    return _values(run_tasks(model, tasks, choose_concurrency(model, batch_size, workers, alone=alone)))


def _values(outcomes: Iterator[Result[T] | InputError]) -> Generator[T | InputError, None, None]:
    for outcome in outcomes:
        if isinstance(outcome, InputError):
            yield outcome
            continue
        warn(outcome.notices)
        yield outcome.value
