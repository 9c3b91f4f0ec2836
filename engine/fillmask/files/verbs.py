"""The verbs that a batch job can run, and the columns of their results. A further verb is one row of ``VERBS``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fillmask.errors import InputError
from fillmask.matrix_columns import check_columns
from fillmask.model import Model
from fillmask.results import as_json
from fillmask.tasks import Verb
from fillmask.tasks.classify import CLASSIFY, Label
from fillmask.tasks.infill import INFILL, Infill
from fillmask.tasks.marginals import MARGINALS, Marginals
from fillmask.tasks.predict import PREDICT, Predictions
from fillmask.tasks.rank import RANK, Ranking
from fillmask.tasks.score import SCORE, Score

# "string", "int64", "float32", "float64" or "bool_", as pyarrow names them; a list of one type; or a dict of the types
# of a struct's fields.
ColumnType: TypeAlias = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchVerb:
    """A verb, and how its values become columns.

    Attributes:
        verb: The verb.
        column: The name of the nested result.
        nested: The type of the nested result.
        nest: Makes the nested result from a value.
        flat: The columns of a flat result, with their types.
        flatten: Makes the lines of a flat result from a value, in the order of ``flat``.
        alone: Whether its reads are ``alone``.
        check: Refuses parameters whose results would be too large to be written, by an ``InputError``.
    """

    verb: Verb[Any, Any]
    column: str
    nested: ColumnType
    nest: Callable[[Any], Any]
    flat: Mapping[str, ColumnType]
    flatten: Callable[[Any], Iterator[tuple[Any, ...]]]
    alone: bool = False
    check: Callable[[Model, Mapping[str, Any]], None] = lambda *_: None

    def check_names(self, parameters: Mapping[str, Any]) -> None:
        """Refuse a parameter that the verb does not take.

        Raises:
            InputError: There is one.
        """
        names = self._defaults()
        unknown = next((name for name in parameters if name not in names), None)
        if unknown is not None:
            raise InputError(f"{self.verb.name} takes no parameter {unknown!r}; it takes {', '.join(names)}")

    def without_defaults(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters but those that are None by default: where another value is the default, None is a choice."""
        defaults = self._defaults()
        return {name: value for name, value in parameters.items() if value is not None or defaults[name] is not None}

    def _defaults(self) -> dict[str, Any]:
        signature = inspect.signature(self.verb.resolve).parameters.values()
        return {each.name: each.default for each in signature if each.kind is each.KEYWORD_ONLY}


def find_verb(name: str) -> BatchVerb:
    """Find a verb by its name.

    Raises:
        InputError: There is none.
    """
    if name not in VERBS:
        raise InputError(f"verb must be one of {', '.join(VERBS)}, got {name!r}")
    return VERBS[name]


_PREDICTION: dict[str, ColumnType] = {"score": "float32", "token": "int64", "token_str": "string", "sequence": "string"}


def _nest_predictions(value: Predictions) -> list[list[dict[str, Any]]]:
    # The members are written out, which takes half the time of a loop over _PREDICTION: there are millions.
    return [
        [{"score": p.score, "token": p.token, "token_str": p.token_str, "sequence": p.sequence} for p in mask]
        for mask in value
    ]


def _flatten_predictions(value: Predictions) -> Iterator[tuple[Any, ...]]:
    for mask, predictions in enumerate(value, start=1):
        for rank, prediction in enumerate(predictions, start=1):
            yield (mask, rank, prediction.score, prediction.token, prediction.token_str, prediction.sequence)


_WORD: dict[str, ColumnType] = {
    "text": "string",
    "start": "int64",
    "end": "int64",
    "log_prob": "float64",
    "unknown": "bool_",
}
_SUMMARY: dict[str, ColumnType] = {"log_prob": "float64", "perplexity": "float64"}
_TOKEN = _WORD | {"token": "int64", "token_str": "string"}
# The columns of a word have names of their own: an input often has a column "text".
_FLAT_WORD = {f"word_{name}": kind for name, kind in _WORD.items()}


def _flatten_score(value: Score) -> Iterator[tuple[Any, ...]]:
    document = as_json(value)
    for index, word in enumerate(document["words"], start=1):
        yield (*(document[name] for name in _SUMMARY), index, *(word[name] for name in _WORD))


_RANKED: dict[str, ColumnType] = {
    "text": "string",
    "log_prob": "float64",
    "score": "float64",
    "pieces": "int64",
    "token_ids": ["int64"],
    "start": "int64",
    "end": "int64",
}
# A flat record has no lists, and a name of its own for the text.
_FLAT_RANKED = {"candidate" if name == "text" else name: kind for name, kind in _RANKED.items() if name != "token_ids"}


def _flatten_ranking(value: Ranking) -> Iterator[tuple[Any, ...]]:
    for slot, candidates in enumerate(as_json(value), start=1):
        for rank, candidate in enumerate(candidates, start=1):
            yield (slot, rank, *(candidate[name] for name in _RANKED if name != "token_ids"))


_INFILL: dict[str, ColumnType] = {"filled": "string", "log_prob": "float64", "score": "float64"}
_FILL: dict[str, ColumnType] = {
    "text": "string",
    "start": "int64",
    "end": "int64",
    "log_prob": "float64",
    "token_ids": ["int64"],
}
_FLAT_FILL = {f"fill_{name}": kind for name, kind in _FILL.items() if name != "token_ids"}


def _flatten_infills(value: list[Infill]) -> Iterator[tuple[Any, ...]]:
    for rank, infill in enumerate(as_json(value), start=1):
        for slot, fill in enumerate(infill["fills"], start=1):
            yield (
                rank,
                *(infill[name] for name in _INFILL),
                slot,
                *(fill[name] for name in _FILL if name != "token_ids"),
            )


_LABEL: dict[str, ColumnType] = {"label": "string", "score": "float64", "log_prob": "float64", "prior": "string"}


def _flatten_labels(value: list[Label]) -> Iterator[tuple[Any, ...]]:
    for rank, label in enumerate(as_json(value), start=1):
        yield (rank, *(label[name] for name in _LABEL))


_MARGINALS: dict[str, ColumnType] = {"tokens": ["string"], "alphabet": ["string"], "log_probs": [["float32"]]}
_MARGINAL: dict[str, ColumnType] = {
    "position": "int64",
    "text_token": "string",
    "alphabet_token": "string",
    "log_prob": "float32",
}


def _flatten_marginals(value: Marginals) -> Iterator[tuple[Any, ...]]:
    for position, (token, row) in enumerate(zip(value.tokens, as_json(value.log_probs), strict=True), start=1):
        for letter, log_prob in zip(value.alphabet, row, strict=True):
            yield (position, token, letter, log_prob)


def _check_alphabet(model: Model, parameters: Mapping[str, Any]) -> None:
    """A row of 20 words would be 610,000 numbers for a model of 30,522 tokens, and many rows are read ahead."""
    if parameters.get("alphabet") is None:
        check_columns(model, "name the characters to read with the parameter alphabet, or take a model of proteins")


VERBS = {
    "classify": BatchVerb(
        verb=CLASSIFY,
        column="labels",
        nested=[_LABEL],
        nest=as_json,
        flat={"rank": "int64"} | _LABEL,
        flatten=_flatten_labels,
        alone=True,
    ),
    "infill": BatchVerb(
        verb=INFILL,
        column="infills",
        nested=[_INFILL | {"fills": [_FILL]}],
        nest=as_json,
        flat={"rank": "int64"} | _INFILL | {"slot": "int64"} | _FLAT_FILL,
        flatten=_flatten_infills,
        alone=True,
    ),
    "marginals": BatchVerb(
        verb=MARGINALS,
        column="marginals",
        nested=_MARGINALS,
        nest=as_json,
        flat=_MARGINAL,
        flatten=_flatten_marginals,
        alone=True,
        check=_check_alphabet,
    ),
    "predict": BatchVerb(
        verb=PREDICT,
        column="predictions",
        nested=[[_PREDICTION]],
        nest=_nest_predictions,
        flat={"mask": "int64", "rank": "int64"} | _PREDICTION,
        flatten=_flatten_predictions,
    ),
    "rank": BatchVerb(
        verb=RANK,
        column="ranking",
        nested=[[_RANKED]],
        nest=as_json,
        flat={"mask": "int64", "rank": "int64"} | _FLAT_RANKED,
        flatten=_flatten_ranking,
        alone=True,
    ),
    "score": BatchVerb(
        verb=SCORE,
        column="score",
        nested=_SUMMARY | {"tokens": [_TOKEN], "words": [_WORD]},
        nest=as_json,
        flat=_SUMMARY | {"word": "int64"} | _FLAT_WORD,
        flatten=_flatten_score,
        alone=True,
    ),
}
