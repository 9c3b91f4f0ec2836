"""Runs one task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from fillmask.batching import GPU_LIMITS, MAX_ROWS, BatchLimits, distinct, plan
from fillmask.errors import FillMaskError
from fillmask.model import Model
from fillmask.tasks import Read, Result, Task

T = TypeVar("T")
Logits: TypeAlias = Callable[[Sequence[Read]], NDArray[np.float32]]

# For the rows of one text on a CPU. Scoring a text of 60 tokens takes 1.03 times as long with 256, 1.28 times with 128,
# and 1.10 to 1.14 times with 1,024 to 4,096; texts of a dozen tokens gain up to 17 % from 2,048 (fp32, noisy machine).
_OWN_LIMITS = BatchLimits(tokens=512)


def run_task(model: Model, task: Task[T]) -> Result[T]:
    """Run one task in this thread.

    Its rows of equal length run together, as far as the model stays exact. So a result does not depend on what else
    runs.

    Raises:
        FillMaskError: What ended the task.
    """
    run = partial(run_batch, model.logits)
    try:
        reads = next(task)
        while True:
            try:
                results = run(reads) if len(reads) == 1 else run_planned(run, reads, partial(plan_own, model))
            except FillMaskError as error:
                reads = task.throw(error)  # as TaskRun.send does: a task may catch it
            else:
                reads = task.send(results)
    except StopIteration as end:
        result: Result[T] = end.value
        return result


def run_planned(
    run: Callable[[Sequence[Read]], list[Any]],
    reads: Sequence[Read],
    plan_batches: Callable[[Sequence[Read]], Iterable[Sequence[int]]],
) -> list[Any]:
    """Run reads in batches; equal reads run once.

    Args:
        run: Runs a batch, and gives one result for each of its reads.
        reads: In any order.
        plan_batches: Chooses which of the distinct reads run together, by their indices.

    Returns:
        One result for each read.
    """
    kept, indices = distinct(reads)
    results: dict[int, Any] = {}
    for batch in plan_batches(kept):
        results |= zip(batch, run([kept[index] for index in batch]), strict=True)
    return [results[index] for index in indices]


def plan_own(model: Model, reads: Sequence[Read]) -> list[list[int]]:
    """Choose which reads of one task run together: those of equal length, as far as the model stays exact."""
    limits = GPU_LIMITS if model.session.on_gpu else _OWN_LIMITS
    return plan(reads, MAX_ROWS if model.equal_length_invariant else 1, limits, padded_below=0)


def run_batch(logits: Logits, reads: Sequence[Read]) -> list[Any]:
    """Run reads of equally many positions together, and reduce their logits in this thread."""
    return [read.reading(rows) for read, rows in zip(reads, logits(reads), strict=True)]
