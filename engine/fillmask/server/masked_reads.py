"""The limit of rows, and the weight of a text that is read once for each of its tokens, with that token masked."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fillmask.server.admission import weigh
from fillmask.server.http_errors import HttpError
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest
from fillmask.server.settings import Settings


def weigh_masked(request: TaskRequest, model: ServedModel, settings: Settings, *_: object) -> list[int]:
    """Estimate the tokens that each text runs: one row for each of its tokens, each as long as the text.

    Raises:
        HttpError: 422, the texts of a request, or of a stream one text, have more rows than allowed.
    """
    reads = count_tokens(request, model)
    check_reads(reads, request, settings, noun="tokens to read", remedy="send shorter texts", field="inputs")
    return [count * min(count, model.model.max_length) for count in reads]


def count_tokens(request: TaskRequest, model: ServedModel) -> list[int]:
    """Estimate the tokens of each text, however long it is."""
    return [weigh(text, sys.maxsize, model.bytes_per_token) for text in request.texts]


def check_reads(
    rows: Sequence[int],
    request: TaskRequest,
    settings: Settings,
    *,
    noun: str,
    remedy: str,
    field: str = "parameters",
) -> None:
    """Limit the rows of a request, and in a stream those of each text.

    Args:
        rows: Those of each text.
        request: The request.
        settings: The limits.
        noun: What rows are to the client.
        remedy: What lowers their number, besides fewer texts.
        field: Which field of the request it is about.

    Raises:
        HttpError: 422, there are more than allowed.
    """
    if (most := max(rows, default=0) if request.stream else sum(rows)) > settings.max_reads:
        what, fewer = ("a text", "") if request.stream else ("a request", ", or fewer texts")
        allowed = f"{what} has at most {settings.max_reads} {noun}"
        raise HttpError(422, f"{field}: {allowed}, got about {most}; {remedy}{fewer}")
