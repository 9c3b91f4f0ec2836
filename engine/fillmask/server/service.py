"""How a verb is served over HTTP: how its requests are received, and how its values become JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from fillmask.errors import InputError, TargetsError, TopKError
from fillmask.server.admission import weigh
from fillmask.server.registry import ServedModel
from fillmask.server.request import TaskRequest, receive_fill_mask
from fillmask.server.settings import Settings
from fillmask.tasks import Verb
from fillmask.tasks.predict import PREDICT, Predictions
from fillmask.transformers_shape import as_transformers


def weigh_texts(request: TaskRequest, model: ServedModel, *_: object) -> list[int]:
    """Estimate the tokens of each text, which runs once."""
    most, size = model.model.max_length, model.bytes_per_token
    return [weigh(text, most, size) for text in request.texts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A verb over HTTP.

    Attributes:
        verb: The verb.
        receive: Reads and checks a request.
        parts: Splits the value of a text into parts that become JSON one by one, in a worker thread.
        text: Makes the JSON of a text in a response from its encoded parts.
        nest: Makes the JSON of a response from that of its texts, and whether ``inputs`` was one text.
        line: Makes the members of an NDJSON line, from its second on, from the encoded parts of a text.
        fields: Which field of the request an error of a parameter is about.
        limits_masks: Whether the positions that a task reads are masks of the text, whose number is limited.
        weigh: Estimates the tokens that each text runs, before a permit, from the request, its model, the limits and
            the verb's parameters. It raises an ``HttpError`` if that is too much for any queue.
    """

    verb: Verb[Any, Any]
    receive: Callable[[Request, Settings], Awaitable[TaskRequest]]
    parts: Callable[[Any], Iterable[Any]]
    text: Callable[[Sequence[bytes]], bytes]
    nest: Callable[[Sequence[bytes], bool], bytes]
    line: Callable[[Sequence[bytes]], bytes]
    fields: Mapping[type[InputError], str]
    limits_masks: bool = True
    weigh: Callable[[TaskRequest, ServedModel, Settings, Any], list[int]] = weigh_texts


def _parts(value: Predictions) -> Iterable[Any]:
    """Give the predictions of each mask, in the shape that transformers gives them."""
    return (as_transformers([mask]) for mask in value)


def _text(masks: Sequence[bytes]) -> bytes:
    """Nest predictions as transformers does: no outer list where there is one mask."""
    return masks[0] if len(masks) == 1 else join_json(masks)


def _nest(texts: Sequence[bytes], _: bool) -> bytes:
    """Nest texts as transformers does: a list of one text has the shape of that text."""
    return texts[0] if len(texts) == 1 else join_json(texts)


def _line(masks: Sequence[bytes]) -> bytes:
    return b'"predictions": ' + join_json(masks)


def join_json(items: Sequence[bytes]) -> bytes:
    """Make a JSON list of encoded items."""
    return b"[%s]" % b", ".join(items)


FILL_MASK = Service(
    verb=PREDICT,
    receive=receive_fill_mask,
    parts=_parts,
    text=_text,
    nest=_nest,
    line=_line,
    fields={TargetsError: "parameters.targets", TopKError: "parameters.top_k"},
)
