"""The verbs that a batch job can run, and the columns of their results. A further verb is one row of ``VERBS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fillmask.tasks import Verb
from fillmask.tasks.predict import PREDICT, Predictions

# "string", "int64" or "float32"; a list of one type; or a dict of the types of a struct's fields.
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
    """

    verb: Verb[Any, Any]
    column: str
    nested: ColumnType
    nest: Callable[[Any], Any]
    flat: Mapping[str, ColumnType]
    flatten: Callable[[Any], Iterator[tuple[Any, ...]]]


_PREDICTION: dict[str, ColumnType] = {"score": "float32", "token": "int64", "token_str": "string", "sequence": "string"}


def _nest_predictions(value: Predictions) -> list[list[dict[str, Any]]]:
    return [[{name: getattr(prediction, name) for name in _PREDICTION} for prediction in mask] for mask in value]


def _flatten_predictions(value: Predictions) -> Iterator[tuple[Any, ...]]:
    for mask, predictions in enumerate(value, start=1):
        for rank, prediction in enumerate(predictions, start=1):
            yield (mask, rank, *(getattr(prediction, name) for name in _PREDICTION))


VERBS = {
    "predict": BatchVerb(
        verb=PREDICT,
        column="predictions",
        nested=[[_PREDICTION]],
        nest=_nest_predictions,
        flat={"mask": "int64", "rank": "int64"} | _PREDICTION,
        flatten=_flatten_predictions,
    )
}
