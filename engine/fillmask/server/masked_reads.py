"""The weight of a text that is read once for each of its tokens, with that token masked."""

from __future__ import annotations

from fillmask.server.admission import weigh
from fillmask.server.http_errors import HttpError
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest
from fillmask.server.settings import Settings

_NO_LIMIT = 1 << 30


def weigh_masked(request: TaskRequest, model: ServedModel, settings: Settings, *_: object) -> list[int]:
    """Estimate the tokens that each text runs: one row for each of its tokens, each as long as the text.

    Raises:
        HttpError: 422, the texts of a request, or of a stream one text, have more rows than allowed.
    """
    reads = count_tokens(request, model)
    check_reads(reads, settings, stream=request.stream)
    return [count * min(count, model.model.max_length) for count in reads]


def count_tokens(request: TaskRequest, model: ServedModel) -> list[int]:
    """Estimate the tokens of each text, however long it is."""
    return [weigh(text, _NO_LIMIT, model.bytes_per_token) for text in request.texts]


def check_reads(reads: list[int], settings: Settings, *, stream: bool) -> None:
    """Limit the rows of a request, and in a stream those of each text.

    Raises:
        HttpError: 422, there are more than allowed.
    """
    if (most := max(reads, default=0) if stream else sum(reads)) > settings.max_reads:
        what, fewer = ("a text", "shorter texts") if stream else ("a request", "fewer or shorter texts")
        allowed = f"{what} has at most {settings.max_reads} tokens to read"
        raise HttpError(422, f"inputs: {allowed}, got about {most}; send {fewer}")
