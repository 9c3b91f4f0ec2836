"""The reads of one task that run without those of other tasks, one batch a turn.

A round of a score can take a second. Between two batches the thread runs shorter jobs. The batches are those of the
library, so the results have the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fillmask.batching import distinct
from fillmask.executor import Logits, plan_own
from fillmask.model import Model
from fillmask.shared_runs import run_isolated
from fillmask.tasks import Read


class OwnRun:
    """A round of one task under way.

    Args:
        model: The model.
        reads: What the task waits for; equal reads run once.
    """

    def __init__(self, model: Model, reads: Sequence[Read]) -> None:
        self._kept, self._indices = distinct(reads)
        self._batches = plan_own(model, self._kept)[::-1]
        self._results: dict[int, Any] = {}

    def step(self, logits: Logits) -> int:
        """Run the next batch, and return its tokens.

        Args:
            logits: What runs the rows.
        """
        batch = self._batches.pop()
        reads = [self._kept[index] for index in batch]
        self._results |= zip(batch, run_isolated(logits, reads), strict=True)
        return sum(read.input_ids.size for read in reads)

    @property
    def results(self) -> list[Any] | None:
        """One result for each read, or the error of its run; None while batches are left."""
        return None if self._batches else [self._results[index] for index in self._indices]
