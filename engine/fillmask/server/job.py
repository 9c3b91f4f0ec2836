"""A job, which is one text in the queue, and its result."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from fillmask.server.own_run import OwnRun
from fillmask.server.registry import ServedModel
from fillmask.task_stream import TaskRun
from fillmask.tasks import Read, Task

_SECONDS_PER_TOKEN = 0.004
_LONGEST_DELAY_S = 5.0


class Expired(Exception):  # noqa: N818 -- an event, as in a deadline that expired
    """The deadline passed before the job ran."""


@dataclass(slots=True)
class JobResult:
    """The result of a text. All times are in seconds.

    Attributes:
        value: The value of its task, encoded, or the ``InputError`` that ended it.
        warnings: Messages of the engine's notices.
        tokens: Tokens that ran, without padding.
        queue: From submission to the start of the first batch.
        tokenize: From text to token ids.
        run: In ONNX Runtime, in all threads; the texts of a batch share its time in proportion to their tokens.
        post: From logits to the value, shared likewise.
    """

    value: Any = None
    warnings: list[str] = field(default_factory=list)
    tokens: int = 0
    queue: float = 0.0
    tokenize: float = 0.0
    run: float = 0.0
    post: float = 0.0


@dataclass(slots=True, eq=False)
class Job:
    """A text in the queue. A task of several rounds enters the queue again for each, with its first due time.

    Attributes:
        model: The model that runs it.
        start: Starts the task of the text.
        deadline: Latest start of a run, in seconds of ``monotonic``.
        weight: Estimated tokens of the text.
        tokens_before: Estimated tokens of its request up to and including this text.
        future: Receives a ``JobResult`` or an exception, in the event loop.
        check: Raises an ``InputError`` if what the task reads first is beyond a limit.
        encode: Makes the result's value from the task's.
        extra: Time of its predictions besides its row, as that of so many tokens.
        bulk: Whether it belongs to a stream or to a large request, which let others pass.
        most_small: Tokens of its rows, at most, that are not bulk, whatever the estimate was.
        most_rows: Rows of its task, at most.
        rows: Rows that its task has read.
        submitted: When it entered the queue, in seconds of ``monotonic``.
        task: The task under way; None before its first run.
        result: What is known so far.
        own: The rows of its task that run without those of other tasks, batch by batch; None between two rounds.
        assisted: Tokens and seconds of its batches that other threads ran.
    """

    model: ServedModel
    start: Callable[[], Task[Any]]
    deadline: float
    weight: int
    tokens_before: int
    future: asyncio.Future[JobResult]
    check: Callable[[Sequence[Read]], None] = lambda _: None
    encode: Callable[[Any], Any] = lambda value: value
    extra: int = 0
    bulk: bool = False
    most_small: int = sys.maxsize
    most_rows: int = sys.maxsize
    rows: int = 0
    submitted: float = field(default_factory=monotonic)
    task: TaskRun[Any] | None = None
    result: JobResult = field(default_factory=JobResult)
    own: OwnRun | None = None
    assisted: list[tuple[int, float]] = field(default_factory=list)

    @property
    def due(self) -> float:
        """Its priority: submission time plus a delay for the tokens of its request so far.

        The delay is at most 5 s, and at most half of the time to the deadline.
        """
        longest = min(_LONGEST_DELAY_S, max(0.0, self.deadline - self.submitted) / 2)
        return self.submitted + min(longest, self.tokens_before * _SECONDS_PER_TOKEN)

    @property
    def cost(self) -> int:
        """The time of its run, as that of so many tokens."""
        return self.weight + self.extra

    def fits_with(self, first: Job) -> bool:
        """Return whether it may share a batch with another job: the same model, similar length."""
        similar = self.weight <= 2 * first.weight and first.weight <= 2 * self.weight
        return self.model is first.model and similar and abs(self.weight - first.weight) <= self.model.max_padding
