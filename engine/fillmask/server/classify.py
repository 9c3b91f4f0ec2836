"""``/classify``: how its requests are received and weighed, and how labels become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from fillmask.errors import CandidatesError
from fillmask.server.admission import weigh
from fillmask.server.classify_schema import ClassifyBody, ClassifyParameters
from fillmask.server.http_errors import HttpError
from fillmask.server.rank import check_words, count_rows
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest, known_members, receive
from fillmask.server.service import Service, only_part, weigh_texts
from fillmask.server.settings import Settings
from fillmask.tasks.classify import CLASSIFY, Label, Parameters, as_json

_MAX_TEMPLATES = 8
_NO_LIMIT = 1 << 30


async def receive_classify(request: Request, settings: Settings) -> TaskRequest:
    """Receive and check a request for labels; see ``receive``."""
    return await receive(request, settings, ClassifyBody, ClassifyParameters, _arguments)


def _arguments(parameters: ClassifyParameters, settings: Settings) -> dict[str, Any]:
    check_words(listed(parameters.labels), "parameters.labels", settings)
    template = parameters.template
    check_templates([template] if isinstance(template, str) else template, settings)
    return known_members(parameters)


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


def weigh_classify(request: TaskRequest, model: ServedModel, settings: Settings, parameters: Parameters) -> list[int]:
    """Estimate the tokens that classifying runs: in each template a row for each prefix of the words.

    Raises:
        HttpError: 422, there are more rows than allowed.
    """
    rows = count_rows(request, settings, parameters)
    added = max(weigh(each.text, _NO_LIMIT) for each in parameters.templates) + parameters.rank.most_pieces()
    most = model.model.max_length
    return [count * min(most, size + added) for count, size in zip(rows, weigh_texts(request, model), strict=True)]


def _parts(value: Sequence[Label]) -> Iterable[Any]:
    return (as_json(value),)


CLASSIFY_TEXTS = Service(
    verb=CLASSIFY,
    receive=receive_classify,
    parts=_parts,
    text=only_part,
    member="labels",
    fields={CandidatesError: "parameters.labels"},
    limits_masks=False,
    weigh=weigh_classify,
)
