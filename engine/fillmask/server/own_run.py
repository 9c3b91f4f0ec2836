"""The reads of one task that run without those of other tasks, one batch a turn.

A round of a score can take a second. Between two batches the thread runs shorter jobs. Threads that have nothing else
to run take further batches of the same round. The batches are those of the library, so the results have the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from fillmask.batching import distinct
from fillmask.executor import Logits, plan_own
from fillmask.model import Model
from fillmask.shared_runs import run_isolated
from fillmask.tasks import Read


class OwnRun:
    """A round of one task under way. Several threads may run its batches.

    Args:
        model: The model.
        reads: What the task waits for; equal reads run once.
    """

    def __init__(self, model: Model, reads: Sequence[Read]) -> None:
        self._kept, self._indices = distinct(reads)
        self._batches = plan_own(model, self._kept)[::-1]
        self._results: dict[int, Any] = {}
        self._changed = threading.Condition()
        self._running = 0
        self._error: BaseException | None = None

    @property
    def several(self) -> bool:
        """Whether more than one batch has not begun."""
        return len(self._batches) > 1

    @property
    def waiting(self) -> bool:
        """Whether a batch has not begun."""
        return bool(self._batches)

    def step(self, logits: Logits, on_end: Callable[[int], None] = lambda _: None) -> int:
        """Run the next batch. Whatever ends its run but an error of the engine ends the round: ``results`` raises it.

        Args:
            logits: What runs the rows.
            on_end: Called with its tokens, before ``results`` returns.

        Returns:
            Its tokens; 0 where every batch has begun.
        """
        with self._changed:
            if not self._batches:
                return 0
            batch = self._batches.pop()
            self._running += 1
        reads, results = [self._kept[index] for index in batch], {}
        tokens = sum(read.input_ids.size for read in reads)
        failure: BaseException | None = None
        try:
            results = dict(zip(batch, run_isolated(logits, reads), strict=True))
        except BaseException as error:
            failure = error
        on_end(tokens)
        with self._changed:
            if failure is not None:
                self._error = failure
                self._batches.clear()
            self._results |= results
            self._running -= 1
            self._changed.notify_all()
        return tokens

    def results(self) -> list[Any]:
        """Wait for the batches that other threads run.

        Returns:
            One result for each read, or the error of its run.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._running)
        if self._error is not None:
            raise self._error
        return [self._results[index] for index in self._indices]
