"""Hugging Face's task ``zero-shot-classification``, by the verb ``classify``.

Source: its schema, and huggingface_hub. Clients up to 1.1.4 read ``{"labels", "scores"}``, as transformers' pipeline
gives them; later ones read a list of ``{"label", "score"}``, as the schema says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fillmask.errors import CandidatesError
from fillmask.server.classify import CLASSIFY_TEXTS, check_templates
from fillmask.server.classify_schema import ZeroShotBody, ZeroShotParameters
from fillmask.server.handler import Handler
from fillmask.server.http_errors import HttpError
from fillmask.server.rank import check_candidates
from fillmask.server.settings import Settings
from fillmask.tasks.classify import Label
from fillmask.templates import FIELD

_HYPOTHESIS = "This example is {}."
_EARLIER_CLIENT = re.compile(r"\bhf_hub/(0\.|1\.0\.|1\.1\.[0-4]\b)")


def _arguments(given: ZeroShotParameters, settings: Settings) -> dict[str, Any]:
    labels = given.candidate_labels
    if isinstance(labels, str):  # as transformers reads them
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    check_candidates(labels, "parameters.candidate_labels", settings)
    template = _template(_HYPOTHESIS if given.hypothesis_template is None else given.hypothesis_template)
    check_templates([template], "parameters.hypothesis_template", settings)
    return {
        "labels": labels,
        "template": template,
        "multi_label": bool(given.multi_label),
        "prior": given.prior,
        "method": given.method,
        "truncation": given.truncation,
    }


async def handle_zero_shot(handler: Handler, request: Request) -> Response:
    """Respond in the shape that the client reads."""
    earlier = _EARLIER_CLIENT.search(request.headers.get("user-agent", ""))
    return await handler.handle(ZERO_SHOT_EARLIER if earlier else ZERO_SHOT, request)


def _template(hypothesis: str) -> str:
    if hypothesis.count("{}") != 1:
        raise HttpError(422, f"parameters.hypothesis_template: it has {{}} once, for the label; got {hypothesis!r}")
    return f"{FIELD} {hypothesis.replace('{}', '{mask}')}"


def _elements(value: Sequence[Label]) -> Iterable[Any]:
    return ([{"label": each.label, "score": each.score} for each in value],)


def _columns(value: Sequence[Label]) -> Iterable[Any]:
    return ({"labels": [each.label for each in value], "scores": [each.score for each in value]},)


ZERO_SHOT = replace(
    CLASSIFY_TEXTS,
    body=ZeroShotBody,
    parameters=ZeroShotParameters,
    arguments=_arguments,
    parts=_elements,
    fields={CandidatesError: "parameters.candidate_labels"},
)
ZERO_SHOT_EARLIER = replace(ZERO_SHOT, parts=_columns)
