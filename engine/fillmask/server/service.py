"""How a verb is served over HTTP: how its requests are received, and how its values become JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request

from fillmask.errors import InputError, TargetsError, TopKError
from fillmask.server.admission import weigh
from fillmask.server.request import TaskRequest, receive_fill_mask
from fillmask.server.settings import Settings
from fillmask.tasks import Verb
from fillmask.tasks.predict import PREDICT, Predictions
from fillmask.transformers_shape import as_transformers


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A verb over HTTP.

    Attributes:
        verb: The verb.
        receive: Reads and checks a request.
        shape: Makes the JSON of a response from the values of the texts, and whether ``inputs`` was one text.
        line: Makes the members of an NDJSON line from the value of a text.
        fields: Which field of the request an error of a parameter is about.
        weigh: Estimates the tokens that a text runs, from the text and the model's ``max_length``, before its permit.
    """

    verb: Verb[Any, Any]
    receive: Callable[[Request, Settings], Awaitable[TaskRequest]]
    shape: Callable[[Sequence[Any], bool], Any]
    line: Callable[[Any], dict[str, Any]]
    fields: Mapping[type[InputError], str]
    weigh: Callable[[str, int], int] = weigh


def _shape_predictions(values: Sequence[Predictions], _: bool) -> Any:  # noqa: ANN401 -- the task's irregular shape
    """Nest predictions as transformers does: a list of one text has the shape of that text."""
    shaped = [as_transformers(value) for value in values]
    return shaped[0] if len(shaped) == 1 else shaped


def _predictions_line(value: Predictions) -> dict[str, Any]:
    return {"predictions": [[asdict(prediction) for prediction in mask] for mask in value]}


FILL_MASK = Service(
    verb=PREDICT,
    receive=receive_fill_mask,
    shape=_shape_predictions,
    line=_predictions_line,
    fields={TargetsError: "parameters.targets", TopKError: "parameters.top_k"},
)
