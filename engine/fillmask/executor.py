"""Runs one task, and runs the reads of several tasks together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fillmask.batching import CPU_LIMITS, GPU_LIMITS, MAX_ROWS, BatchLimits, distinct, plan
from fillmask.errors import FillMaskError
from fillmask.model import Model
from fillmask.tasks import Read, Result, Task

T = TypeVar("T")
Logits = Callable[[Sequence[Read]], NDArray[np.float32]]

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
    try:
        reads = next(task)
        while True:
            try:
                results = run_batch(model.logits, reads) if len(reads) == 1 else _run_own(model, reads)
            except FillMaskError as error:
                reads = task.throw(error)  # as TaskRun.send does: a task may catch it
            else:
                reads = task.send(results)
    except StopIteration as end:
        result: Result[T] = end.value
        return result


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
    results = _run_plan(partial(run_isolated, logits or model.logits), kept, plan_reads(model, kept, batch_size))
    return [results[index] for index in indices]


def is_alone(model: Model, reads: Sequence[Read]) -> bool:
    """Whether a task's reads run as if no other task were there; a GPU needs larger runs than one text gives."""
    return not model.session.on_gpu and any(read.alone for read in reads)


def _run_own(model: Model, reads: Sequence[Read]) -> list[Any]:
    """Run the reads of one task; the error of a run is raised."""
    kept, indices = distinct(reads)
    results = _run_plan(partial(run_batch, model.logits), kept, plan_own(model, kept))
    return [results[index] for index in indices]


def plan_own(model: Model, reads: Sequence[Read]) -> list[list[int]]:
    """Choose which reads of one task run together: those of equal length, as far as the model stays exact."""
    limits = GPU_LIMITS if model.session.on_gpu else _OWN_LIMITS
    return plan(reads, MAX_ROWS if model.equal_length_invariant else 1, limits, padded=False)


def plan_reads(model: Model, reads: Sequence[Read], batch_size: int) -> list[list[int]]:
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


def run_batch(logits: Logits, reads: Sequence[Read]) -> list[Any]:
    """Run reads of equally many positions together, and reduce their logits in this thread."""
    return [read.reading(rows) for read, rows in zip(reads, logits(reads), strict=True)]


def run_isolated(logits: Logits, reads: Sequence[Read]) -> list[Any]:
    """As ``run_batch``; a run that fails is repeated read by read, so that only the reads at fault give an error."""
    try:
        return run_batch(logits, reads)
    except FillMaskError as error:
        return [error] if len(reads) == 1 else [run_isolated(logits, [read])[0] for read in reads]
