"""A text that waits for its turn, and what comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

from fillmask.answering import Answer
from fillmask.errors import InputError
from fillmask.server.registry import Model
from fillmask.server.request import Ask

_SECONDS_PER_TOKEN = 0.004
_LONGEST_DELAY_S = 2.0


class Expired(Exception):  # noqa: N818 -- an event, as in a deadline that expired
    """The deadline passed before the text ran."""


@dataclass(slots=True)
class Done:
    """What came of a text.

    Attributes:
        answer: Predictions for each mask, or why there are none.
        warnings: What the engine warned of.
        tokens: Tokens that ran, without padding.
        queue: Seconds from its submission to its turn.
        tokenize: Seconds from text to token ids.
        run: Seconds in ONNX Runtime; texts that run together share them out by their tokens.
        post: Seconds from logits to predictions, shared out likewise.
    """

    answer: Answer | InputError
    warnings: list[str]
    tokens: int = 0
    queue: float = 0.0
    tokenize: float = 0.0
    run: float = 0.0
    post: float = 0.0


@dataclass(slots=True, eq=False)
class Job:
    """A text that waits.

    Attributes:
        model: What answers it.
        text: The text.
        ask: What is asked.
        deadline: When it is too late to run it, on the clock of ``monotonic``.
        weight: Its tokens, estimated.
        ahead: Those of its request up to and with it.
        future: Gets a ``Done`` or an exception, in the event loop.
        submitted: When it began to wait.
    """

    model: Model
    text: str
    ask: Ask
    deadline: float
    weight: int
    ahead: int
    future: asyncio.Future[Done]
    submitted: float = field(default_factory=monotonic)

    @property
    def due(self) -> float:
        """When its turn is: its arrival, put off by what its request has asked for so far."""
        return self.submitted + min(_LONGEST_DELAY_S, self.ahead * _SECONDS_PER_TOKEN)

    def joins(self, first: Job) -> bool:
        """Whether it may run together with another: the same question, of texts of like length."""
        same = self.model is first.model and self.ask == first.ask
        return same and self.weight <= 2 * first.weight and first.weight <= 2 * self.weight
