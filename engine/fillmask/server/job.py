"""A job, which is one text in the queue, and its result."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

from fillmask.errors import InputError
from fillmask.server.registry import Predictions, ServedModel
from fillmask.server.request import RequestParameters

_SECONDS_PER_TOKEN = 0.004
_LONGEST_DELAY_S = 2.0


class Expired(Exception):  # noqa: N818 -- an event, as in a deadline that expired
    """The deadline passed before the job ran."""


@dataclass(slots=True)
class JobResult:
    """The result of a text. All times are in seconds.

    Attributes:
        result: Predictions for each mask, or why there are none.
        warnings: Messages of the engine's warnings.
        tokens: Tokens that ran, without padding.
        queue: From submission to the start of the batch.
        tokenize: From text to token ids.
        run: In ONNX Runtime; the texts of a batch share its time in proportion to their tokens.
        post: From logits to predictions, shared likewise.
    """

    result: Predictions | InputError
    warnings: list[str]
    tokens: int = 0
    queue: float = 0.0
    tokenize: float = 0.0
    run: float = 0.0
    post: float = 0.0


@dataclass(slots=True, eq=False)
class Job:
    """A text in the queue.

    Attributes:
        model: The model that runs it.
        text: The text.
        parameters: Parameters of its request.
        deadline: Latest start of its run, in seconds of ``monotonic``.
        weight: Estimated tokens of the text.
        tokens_before: Estimated tokens of its request up to and including this text.
        future: Receives a ``JobResult`` or an exception, in the event loop.
        submitted: When it entered the queue, in seconds of ``monotonic``.
    """

    model: ServedModel
    text: str
    parameters: RequestParameters
    deadline: float
    weight: int
    tokens_before: int
    future: asyncio.Future[JobResult]
    submitted: float = field(default_factory=monotonic)

    @property
    def due(self) -> float:
        """Its priority: submission time plus a delay for the tokens of its request so far, at most 2 s."""
        return self.submitted + min(_LONGEST_DELAY_S, self.tokens_before * _SECONDS_PER_TOKEN)

    def fits_with(self, first: Job) -> bool:
        """Return whether it may share a batch with another job: equal model and parameters, similar length."""
        same = self.model is first.model and self.parameters == first.parameters
        return same and self.weight <= 2 * first.weight and first.weight <= 2 * self.weight
