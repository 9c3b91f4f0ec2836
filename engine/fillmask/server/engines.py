"""The engine's steps one by one, so that each can be timed and texts of several requests can share a run."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from fillmask import FillMask
from fillmask.answering import Answer, Row
from fillmask.encoding import Truncation
from fillmask.many import CPU_ROOM, GPU_ROOM, plan
from fillmask.parameters import Question

# On a CPU a run with company then takes no longer than one without.
_LONG_TEXT = 512


class Engine:
    """What the server uses of a ``FillMask``.

    Args:
        fill_mask: The engine, one thread a run.

    Attributes:
        batches: Whether texts keep their scores in each other's company.
        on_gpu: Whether all threads share one device.
        company: Tokens of a run that texts of several requests share, at most.
    """

    def __init__(self, fill_mask: FillMask) -> None:
        self._fill_mask = fill_mask
        self.batches = fill_mask.batch_invariant
        self.on_gpu = fill_mask.on_gpu
        self._room = GPU_ROOM if self.on_gpu else CPU_ROOM
        self.company = GPU_ROOM.tokens if self.on_gpu else _LONG_TEXT

    def ask(self, top_k: int, targets: Sequence[str] | None, truncation: Truncation | None) -> Question:
        """Check what is asked of every text of a request.

        Raises:
            InputError: It cannot be answered.
        """
        return self._fill_mask.ask(top_k, targets, truncation)

    def encode(self, text: str, question: Question) -> list[Row]:
        """Make the rows of a text.

        Raises:
            InputError: The text cannot be answered.
        """
        return self._fill_mask.answerer.encode(text, question.truncation)

    def run(self, rows: Sequence[Row], question: Question, most: int) -> tuple[list[Answer], float]:
        """Answer rows, at most so many of them in a run.

        Returns:
            The answer of each, and the seconds until the logits were there.
        """
        answerer, seconds = self._fill_mask.answerer, 0.0
        answers: dict[int, Answer] = {}
        for batch in plan(rows, most, self._room):
            start = perf_counter()
            ran = answerer.forward([rows[index] for index in batch])
            seconds += perf_counter() - start
            answers |= zip(batch, answerer.decode(ran, question), strict=True)
        return [answers[index] for index in range(len(rows))], seconds
