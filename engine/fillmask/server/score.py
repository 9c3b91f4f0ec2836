"""``/score``: how its requests are received and weighed, and how scores become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.requests import Request

from fillmask.server.masked_reads import weigh_masked
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


async def receive_score(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for scores.

    Raises:
        HttpError: 400, 408, 413, 415, 422 or 429.
        ClientDisconnect: The client disconnected before the body was complete.
    """
    timeout, stream = read_timeout(request.headers, settings), wants_stream(request.headers)
    body = parse(await read_body(request, settings), ScoreBody)
    parameters = body.parameters or ScoreParameters.model_construct()
    return TaskRequest(
        texts=read_texts(body.inputs, settings, stream=stream),
        single=isinstance(body.inputs, str),
        arguments=parameters.model_dump(exclude=set(parameters.model_extra or ())),
        timeout=timeout,
        stream=stream,
        warnings=ignored_members(parameters, body),
    )


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
    weigh=weigh_masked,
)
