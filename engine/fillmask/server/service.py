"""How a verb is served over HTTP: what its requests hold, and how its values become JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fillmask.errors import InputError, TargetsError, TopKError
from fillmask.results import Results
from fillmask.server.admission import weigh
from fillmask.server.registry import ServedModel
from fillmask.server.request import MAX_WORD_CHARACTERS, TaskRequest, check_words, read_top_k
from fillmask.server.schema import Body, FillMaskBody, FillMaskParameters, Parameters
from fillmask.server.settings import Settings
from fillmask.tasks import Verb
from fillmask.tasks.predict import PREDICT, Predictions
from fillmask.transformers_shape import as_transformers


def weigh_texts(request: TaskRequest, model: ServedModel, *_: object) -> list[int]:
    """Estimate the tokens of each text, which runs once."""
    most, size = model.model.max_length, model.bytes_per_token
    return [weigh(text, most, size) for text in request.texts]


def join_json(items: Sequence[bytes]) -> bytes:
    """Make a JSON list of encoded items."""
    return b"[%s]" % b", ".join(items)


def only_part(parts: Sequence[bytes]) -> bytes:
    """Give the JSON of a text that is one part."""
    return parts[0]


def nest_texts(texts: Sequence[bytes], single: bool) -> bytes:
    """Give the JSON of one text, or a list."""
    return texts[0] if single else join_json(texts)


def unbounded(parameters: Any, _: Settings) -> Any:  # noqa: ANN401 -- each verb has its own
    """Give parameters as they are."""
    return parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A verb over HTTP.

    Attributes:
        verb: The verb.
        body: JSON type of a request.
        parameters: JSON type of its ``parameters``.
        arguments: Checks the parameters against the limits and gives the arguments of the verb; None takes them as they
            are.
        parts: Splits the value of a text into parts that become JSON one by one, in a worker thread.
        text: Makes the JSON of a text from its encoded parts.
        nest: Makes the JSON of a response from that of its texts, and whether ``inputs`` was one text.
        member: Name of a text's member in a line of NDJSON.
        member_text: Makes the JSON of that member, if it differs from ``text``.
        fields: Which field of the request an error of a parameter is about.
        limits_masks: Whether the positions that a task reads are masks of the text, whose number is limited.
        weigh: Estimates the tokens that each text runs, before a permit, from the request, its model, the limits and
            the verb's parameters. It raises an ``HttpError`` if that is too much for any queue.
        bound: Puts limits of the server into the verb's parameters.
    """

    verb: Verb[Any, Any]
    body: type[Body]
    parameters: type[Parameters]
    arguments: Callable[[Any, Settings], dict[str, Any]] | None = None
    parts: Callable[[Any], Iterable[Any]]
    text: Callable[[Sequence[bytes]], bytes]
    member: str
    member_text: Callable[[Sequence[bytes]], bytes] | None = None
    nest: Callable[[Sequence[bytes], bool], bytes] = nest_texts
    fields: Mapping[type[InputError], str] = field(default_factory=dict)
    limits_masks: bool = True
    weigh: Callable[[TaskRequest, ServedModel, Settings, Any], list[int]] = weigh_texts
    bound: Callable[[Any, Settings], Any] = unbounded

    def line(self, parts: Sequence[bytes]) -> bytes:
        """Make the members of a line of NDJSON, from its second on, from the encoded parts of a text."""
        return b'"%s": %s' % (self.member.encode(), (self.member_text or self.text)(parts))


def _arguments(given: FillMaskParameters, settings: Settings) -> dict[str, Any]:
    targets = [given.targets] if isinstance(given.targets, str) else given.targets
    check_words(targets or (), "parameters.targets", settings.max_targets, MAX_WORD_CHARACTERS, "target")
    return {"top_k": read_top_k(given.top_k, settings), "targets": targets, "truncation": given.truncation}


def _parts(value: Predictions) -> Iterable[Any]:
    """Give the predictions of each mask, in the shape that transformers gives them."""
    return (as_transformers(Results([mask])) for mask in value)


def _text(masks: Sequence[bytes]) -> bytes:
    """Nest predictions as transformers does: no outer list where there is one mask."""
    return masks[0] if len(masks) == 1 else join_json(masks)


def _nest(texts: Sequence[bytes], _: bool) -> bytes:
    """Nest texts as transformers does: a list of one text has the shape of that text."""
    return texts[0] if len(texts) == 1 else join_json(texts)


FILL_MASK = Service(
    verb=PREDICT,
    body=FillMaskBody,
    parameters=FillMaskParameters,
    arguments=_arguments,
    parts=_parts,
    text=_text,
    member="predictions",
    member_text=join_json,
    nest=_nest,
    fields={TargetsError: "parameters.targets", TopKError: "parameters.top_k"},
)
