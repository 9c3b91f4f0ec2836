"""``/score``: how its requests are received and weighed, and how scores become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.requests import Request

from fillmask.server.admission import weigh
from fillmask.server.http_errors import HttpError
from fillmask.server.request import (
    TaskRequest,
    ignored_members,
    parse,
    read_body,
    read_texts,
    read_timeout,
    wants_stream,
)
from fillmask.server.score_schema import ScoreBody, ScoreParameters
from fillmask.server.service import Service, join_json
from fillmask.server.settings import Settings
from fillmask.tasks.score import SCORE, Score, as_json

_NO_LIMIT = 1 << 30


async def receive_score(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for scores.

    Raises:
        HttpError: 400, 408, 413, 415 or 422.
        ClientDisconnect: The client disconnected before the body was complete.
    """
    timeout, stream = read_timeout(request.headers, settings), wants_stream(request.headers)
    body = parse(await read_body(request, settings), ScoreBody)
    parameters = body.parameters or ScoreParameters.model_construct()
    texts = read_texts(body.inputs, settings, stream=stream)
    _check_reads(texts, settings, stream=stream)
    return TaskRequest(
        texts=texts,
        single=isinstance(body.inputs, str),
        arguments=parameters.model_dump(exclude=set(parameters.model_extra or ())),
        timeout=timeout,
        stream=stream,
        warnings=ignored_members(parameters, body),
    )


def weigh_score(text: str, max_length: int, _: object = None) -> int:
    """Estimate the tokens that scoring a text runs: one row for each of its tokens, each as long as the text."""
    return _reads(text) * weigh(text, max_length)


def _reads(text: str) -> int:
    return weigh(text, _NO_LIMIT)


def _check_reads(texts: Sequence[str], settings: Settings, *, stream: bool) -> None:
    """Limit the rows of a request, and in a stream those of each text."""
    reads = [_reads(text) for text in texts]
    if (most := max(reads, default=0) if stream else sum(reads)) > settings.max_reads:
        what, fewer = ("a text", "shorter texts") if stream else ("a request", "fewer or shorter texts")
        allowed = f"{what} has at most {settings.max_reads} tokens to score"
        raise HttpError(422, f"inputs: {allowed}, got about {most}; send {fewer}")


def _parts(value: Score) -> Iterable[Any]:
    return (as_json(value),)


def _text(parts: Sequence[bytes]) -> bytes:
    return parts[0]


def _nest(texts: Sequence[bytes], single: bool) -> bytes:
    return texts[0] if single else join_json(texts)


def _line(parts: Sequence[bytes]) -> bytes:
    return b'"score": ' + parts[0]


SCORE_TEXTS = Service(
    verb=SCORE,
    receive=receive_score,
    parts=_parts,
    text=_text,
    nest=_nest,
    line=_line,
    fields={},
    limits_masks=False,
    weigh=weigh_score,
)
