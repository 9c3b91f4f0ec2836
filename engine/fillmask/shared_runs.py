"""Runs the reads of several tasks together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from fillmask.batching import CPU_LIMITS, GPU_LIMITS, plan
from fillmask.errors import FillMaskError
from fillmask.executor import Logits, run_batch, run_planned
from fillmask.model import Model
from fillmask.tasks import Read


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
    plan_batches = partial(plan_reads, model, batch_size=batch_size)
    return run_planned(partial(run_isolated, logits or model.logits), reads, plan_batches)


def is_alone(model: Model, reads: Sequence[Read]) -> bool:
    """Whether a task's reads run as if no other task were there; a GPU needs larger runs than one text gives."""
    return not model.session.on_gpu and any(read.alone for read in reads)


def plan_reads(model: Model, reads: Sequence[Read], batch_size: int) -> list[list[int]]:
    """Choose which reads of several tasks run together, as far as the model stays exact."""
    limits = GPU_LIMITS if model.session.on_gpu else CPU_LIMITS
    return plan(reads, batch_size, limits, padded_below=model.padded_below)


def run_isolated(logits: Logits, reads: Sequence[Read]) -> list[Any]:
    """As ``run_batch``; a run that fails is repeated read by read, so that only the reads at fault give an error."""
    try:
        return run_batch(logits, reads)
    except FillMaskError as error:
        return [error] if len(reads) == 1 else [run_isolated(logits, [read])[0] for read in reads]
