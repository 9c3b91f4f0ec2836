"""``/classify``: how its requests are checked and weighed, and how labels become JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fillmask.errors import CandidatesError
from fillmask.server.admission import weigh
from fillmask.server.classify_schema import ClassifyBody, ClassifyParameters
from fillmask.server.http_errors import HttpError
from fillmask.server.masked_reads import check_reads
from fillmask.server.rank import check_candidates
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest, known_members
from fillmask.server.service import Service, only_part, weigh_texts
from fillmask.server.settings import Settings
from fillmask.tasks.classify import CLASSIFY, Label, Parameters, as_json

_MAX_TEMPLATES = 8


def _arguments(parameters: ClassifyParameters, settings: Settings) -> dict[str, Any]:
    _check_labels(parameters.labels, settings)
    template = parameters.template
    check_templates([template] if isinstance(template, str) else template, "parameters.template", settings)
    return known_members(parameters)


def _check_labels(labels: Sequence[str] | Mapping[str, Sequence[str]], settings: Settings) -> None:
    """Check labels, and by themselves their words: names need no rows, but none is longer than a word."""
    check_candidates(list(labels), "parameters.labels", settings)
    if isinstance(labels, Mapping):
        check_candidates([word for words in labels.values() for word in words], "parameters.labels", settings)


def check_templates(templates: Sequence[str], where: str, settings: Settings) -> None:
    """Check the number and the lengths of templates.

    Raises:
        HttpError: 422.
    """
    if len(templates) > _MAX_TEMPLATES:
        raise HttpError(422, f"{where}: at most {_MAX_TEMPLATES} templates, got {len(templates)}")
    if (most := max(map(len, templates), default=0)) > settings.max_characters:
        allowed = f"a template has at most {settings.max_characters} characters"
        raise HttpError(422, f"{where}: {allowed}, got {most}")


def weigh_classify(request: TaskRequest, model: ServedModel, settings: Settings, parameters: Parameters) -> list[int]:
    """Estimate the tokens that classifying runs: in each template a row for each prefix of the words.

    Raises:
        HttpError: 422, there are more rows than allowed.
    """
    rows = [parameters.rows(text) for text in request.texts]
    remedy = "send fewer labels, words or templates, or method 'parallel'"
    check_reads(rows, request, settings, noun="rows to run", remedy=remedy)
    added = max(weigh(each.text, sys.maxsize) for each in parameters.templates) + parameters.rank.most_pieces()
    most = model.model.max_length
    return [count * min(most, size + added) for count, size in zip(rows, weigh_texts(request, model), strict=True)]


def _parts(value: Sequence[Label]) -> Iterable[Any]:
    return (as_json(value),)


CLASSIFY_TEXTS = Service(
    verb=CLASSIFY,
    body=ClassifyBody,
    parameters=ClassifyParameters,
    arguments=_arguments,
    parts=_parts,
    text=only_part,
    member="labels",
    fields={CandidatesError: "parameters.labels"},
    limits_masks=False,
    weigh=weigh_classify,
)
