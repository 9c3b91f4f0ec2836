"""Runs rows: each with its result or its error, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, NoReturn

from fillmask.concurrency import Concurrency, choose_concurrency
from fillmask.errors import InputError
from fillmask.files.inputs import UnparsedRow
from fillmask.files.records import Layout, Outcome
from fillmask.files.row_parameters import JobParameters
from fillmask.files.rows import Row
from fillmask.model import Model
from fillmask.runtime.cpu import available_threads
from fillmask.task_stream import run_tasks
from fillmask.tasks import Task

_BATCH_SIZE = 16
_FIRST_WINDOW, _WINDOW = 128, 1024  # rows


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the rows of a job.

    Attributes:
        model: The model.
        layout: The verb, and what the records hold.
        parameters: The verb's parameters.
        concurrency: How many rows run together.
    """

    model: Model
    layout: Layout
    parameters: JobParameters
    concurrency: Concurrency

    def run(self, rows: Iterable[UnparsedRow | None], rows_per_part: int) -> Generator[tuple[Row, Outcome], None, None]:
        """Run the rows of one part or of several, lazily and in order; a row that is malformed keeps its place.

        Behind a None no row is read before the outcomes of all before it are given.
        No row runs together with one of another part, so that a part's bytes depend on its rows alone.
        """
        waiting: deque[Row] = deque()
        tasks = self._tasks(rows, waiting)
        windows = chain.from_iterable(growing_windows(rows_per_part) for _ in repeat(None))
        for outcome in run_tasks(self.model, tasks, self.concurrency, windows=windows):
            yield waiting.popleft(), outcome

    def _tasks(self, rows: Iterable[UnparsedRow | None], waiting: deque[Row]) -> Iterator[Task[Any] | None]:
        for unparsed in rows:
            if unparsed is None:
                yield None
                continue
            row = unparsed.parse()
            waiting.append(row)
            yield self._task(row)

    def _task(self, row: Row) -> Task[Any]:
        error = self.layout.checked(row)
        if error is not None:
            return _refuse(error)
        try:
            return self.parameters.task(row)
        except InputError as wrong:
            return _refuse(wrong)


def growing_windows(rows: int) -> Iterator[int]:
    """How many of so many rows are read together, whatever the workers: what runs together depends on the rows alone.

    The first windows are small, since the workers wait until the first is tokenized.
    """
    size = _FIRST_WINDOW
    while rows:
        size = min(size, rows)
        yield size
        rows -= size
        size = min(2 * size, _WINDOW)


def choose_batches(model: Model, batch_size: int | None, workers: int | None, *, alone: bool = False) -> Concurrency:
    """Choose for throughput.

    Args:
        model: The model.
        batch_size: Rows of one run; None is 16, on a GPU 64, and 1 where rows of a run change each other's scores.
        workers: Runs at the same time; None is one for each core, and on a GPU 1.
        alone: As in ``choose_concurrency``.

    Raises:
        InputError: A number is out of its range, or the model does not take batches.
    """
    if workers is None:
        workers = 1 if model.session.on_gpu else available_threads()
    if batch_size is None and not model.session.on_gpu:
        batch_size = _BATCH_SIZE if model.equal_length_invariant else 1
    return choose_concurrency(model, batch_size, workers, alone=alone)


def _refuse(error: InputError) -> Task[NoReturn]:
    """A task that ends with an error at once."""
    raise error
    yield []
