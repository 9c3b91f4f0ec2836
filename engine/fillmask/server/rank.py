"""``/rank``: how its requests are received and weighed, and how rankings become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.requests import Request

from fillmask.errors import CandidatesError, InputError
from fillmask.server.admission import weigh
from fillmask.server.http_errors import HttpError
from fillmask.server.rank_schema import RankBody
from fillmask.server.request import (
    TaskRequest,
    ignored_members,
    parse,
    read_body,
    read_texts,
    read_timeout,
    wants_stream,
)
from fillmask.server.service import Service, join_json
from fillmask.server.settings import Settings
from fillmask.tasks.rank import RANK, Parameters, Ranking, as_json

_CANDIDATE_CHARACTERS = 256


async def receive_rank(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for rankings.

    Raises:
        HttpError: 400, 408, 413, 415 or 422.
        ClientDisconnect: The client disconnected before the body was complete.
    """
    timeout, stream = read_timeout(request.headers, settings), wants_stream(request.headers)
    body = parse(await read_body(request, settings), RankBody)
    check_words(body.parameters.candidates, "parameters.candidates", settings)
    return TaskRequest(
        texts=read_texts(body.inputs, settings, stream=stream),
        single=isinstance(body.inputs, str),
        arguments=body.parameters.model_dump(exclude=set(body.parameters.model_extra or ())),
        timeout=timeout,
        stream=stream,
        warnings=ignored_members(body.parameters, body),
    )


def check_words(words: Sequence[str], where: str, settings: Settings) -> None:
    """Check the number and the lengths of candidates.

    Raises:
        HttpError: 422.
    """
    if len(words) > settings.max_candidates:
        raise HttpError(422, f"{where}: at most {settings.max_candidates} candidates, got {len(words)}")
    for index, word in enumerate(words):
        if len(word) > _CANDIDATE_CHARACTERS:
            allowed = f"a candidate has at most {_CANDIDATE_CHARACTERS} characters"
            raise HttpError(422, f"{where}[{index}]: {allowed}, got {len(word)}")


def weigh_rank(text: str, max_length: int, parameters: Parameters) -> int:
    """Estimate the tokens that ranking runs: a row for each prefix of the candidates and each mask."""
    return parameters.rows(text) * min(max_length, weigh(text, max_length) + parameters.most_pieces)


def check_rows(texts: Sequence[str], parameters: Any, settings: Settings, stream: bool) -> None:  # noqa: ANN401
    """Limit the rows of a request, and in a stream those of each text.

    Raises:
        InputError: There are too many.
    """
    rows = [parameters.rows(text) for text in texts]
    if (most := max(rows, default=0) if stream else sum(rows)) > settings.max_reads:
        what = "a text" if stream else "a request"
        allowed = f"{what} takes at most {settings.max_reads} rows"
        raise InputError(f"{allowed}, got {most}; send fewer candidates, masks or texts, or method 'parallel'")


def _parts(value: Ranking) -> Iterable[Any]:
    """Give the candidates of each mask."""
    return iter(as_json(value))


def _nest(texts: Sequence[bytes], single: bool) -> bytes:
    return texts[0] if single else join_json(texts)


def _line(masks: Sequence[bytes]) -> bytes:
    return b'"ranking": ' + join_json(masks)


RANK_TEXTS = Service(
    verb=RANK,
    receive=receive_rank,
    parts=_parts,
    text=join_json,
    nest=_nest,
    line=_line,
    fields={CandidatesError: "parameters.candidates"},
    limits_masks=False,
    weigh=weigh_rank,
    check=check_rows,
    resolves_slowly=True,
)
