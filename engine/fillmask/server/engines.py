"""The engine's steps one by one, so that each can be timed and texts of several requests can share a run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import perf_counter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fillmask import FillMask
from fillmask.answering import Answer, Row
from fillmask.asking import Question
from fillmask.encoding import Encoded, Truncation
from fillmask.errors import InputError
from fillmask.many import check_batches, plan
from fillmask.session import Session


class Engine:
    """What the server uses of a ``FillMask``.

    Args:
        fill_mask: The engine, one thread a run.

    Attributes:
        batches: Whether texts keep their scores in each other's company.
    """

    def __init__(self, fill_mask: FillMask) -> None:
        self._fill_mask = fill_mask
        self._answerer = fill_mask._answerer
        self._timed = _TimedSession(self._answerer._session)
        self._answerer._session = cast(Session, self._timed)
        self.batches = _invariant(fill_mask)

    def ask(self, top_k: int, targets: Sequence[str] | None, truncation: Truncation | None) -> Question:
        """Check what is asked of every text of a request.

        Raises:
            InputError: It cannot be answered.
        """
        return self._fill_mask._ask(top_k, targets, truncation)

    def encode(self, text: str, question: Question) -> list[Row]:
        """Make the rows of a text.

        Raises:
            InputError: The text cannot be answered.
        """
        return self._answerer.encode(text, question.truncation)

    def run(self, rows: Sequence[Row], question: Question, most: int) -> tuple[list[Answer], float]:
        """Answer rows, at most so many of them in a run.

        Returns:
            The answer of each, and the seconds spent in ONNX Runtime.
        """
        self._timed.elapsed.seconds = 0.0
        answers: dict[int, Answer] = {}
        for batch in plan(rows, most):
            answered = self._answerer.run([rows[index] for index in batch], question)
            answers |= zip(batch, answered, strict=True)
        return [answers[index] for index in range(len(rows))], self._timed.elapsed.seconds


def _invariant(fill_mask: FillMask) -> bool:
    try:
        check_batches(fill_mask.artifact, fill_mask.variant, fill_mask._session)
    except InputError:
        return False
    return True


class _Elapsed(threading.local):
    seconds = 0.0


class _TimedSession:
    """A session whose runs are timed, for each thread by itself."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.elapsed = _Elapsed()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the session has
        return getattr(self._session, name)

    def run(self, encoded: Encoded, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        start = perf_counter()
        try:
            return self._session.run(encoded, positions)
        finally:
            self.elapsed.seconds += perf_counter() - start
