"""``/classify``: how its requests are received and weighed, and how labels become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from fillmask.errors import CandidatesError
from fillmask.server.admission import weigh
from fillmask.server.classify_schema import ClassifyBody
from fillmask.server.http_errors import HttpError
from fillmask.server.rank import check_rows, check_words
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
from fillmask.tasks.classify import CLASSIFY, Label, Parameters, as_json

_MAX_TEMPLATES = 8
_NO_LIMIT = 1 << 30


async def receive_classify(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for labels.

    Raises:
        HttpError: 400, 408, 413, 415 or 422.
        ClientDisconnect: The client disconnected before the body was complete.
    """
    timeout, stream = read_timeout(request.headers, settings), wants_stream(request.headers)
    body = parse(await read_body(request, settings), ClassifyBody)
    given = body.parameters
    check_words(listed(given.labels), "parameters.labels", settings)
    check_templates([given.template] if isinstance(given.template, str) else given.template, settings)
    return TaskRequest(
        texts=read_texts(body.inputs, settings, stream=stream),
        single=isinstance(body.inputs, str),
        arguments=given.model_dump(exclude=set(given.model_extra or ())),
        timeout=timeout,
        stream=stream,
        warnings=ignored_members(given, body),
    )


def listed(labels: Sequence[str] | Mapping[str, Sequence[str]]) -> list[str]:
    """All labels and their words."""
    if not isinstance(labels, Mapping):
        return list(labels)
    return [word for label, words in labels.items() for word in (label, *words)]


def check_templates(templates: Sequence[str], settings: Settings) -> None:
    """Check the number and the lengths of templates.

    Raises:
        HttpError: 422.
    """
    if len(templates) > _MAX_TEMPLATES:
        raise HttpError(422, f"parameters.template: at most {_MAX_TEMPLATES} templates, got {len(templates)}")
    if (most := max(map(len, templates), default=0)) > settings.max_characters:
        allowed = f"a template has at most {settings.max_characters} characters"
        raise HttpError(422, f"parameters.template: {allowed}, got {most}")


def weigh_classify(text: str, max_length: int, parameters: Parameters) -> int:
    """Estimate the tokens that classifying runs: in each template a row for each prefix of the words."""
    template = max(weigh(each.text, _NO_LIMIT) for each in parameters.templates)
    return parameters.rows(text) * min(max_length, weigh(text, max_length) + template + parameters.rank.most_pieces)


def _parts(value: Sequence[Label]) -> Iterable[Any]:
    return (as_json(value),)


def _text(parts: Sequence[bytes]) -> bytes:
    return parts[0]


def nest_texts(texts: Sequence[bytes], single: bool) -> bytes:
    """Give the JSON of one text, or a list."""
    return texts[0] if single else join_json(texts)


def line(parts: Sequence[bytes]) -> bytes:
    """Make the member of a line."""
    return b'"labels": ' + parts[0]


CLASSIFY_TEXTS = Service(
    verb=CLASSIFY,
    receive=receive_classify,
    parts=_parts,
    text=_text,
    nest=nest_texts,
    line=line,
    fields={CandidatesError: "parameters.labels"},
    limits_masks=False,
    weigh=weigh_classify,
    check=check_rows,
    resolves_slowly=True,
)
