"""Results as people read them: they print short, and become dicts, rows of a table, and tables in a notebook."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def to_dict(self: Any) -> dict[str, Any]:  # noqa: ANN401 -- the method of any record of results
    """Give the fields as JSON holds them: lists for tuples and arrays, None for a number that is not finite."""
    return {name: as_json(value) for name, value in _shown(self)}


def short_repr(self: Any) -> str:  # noqa: ANN401 -- the method of any record of results
    """Write a record with four digits of each number, and only the number of the records inside it."""
    values = ", ".join(f"{name}={_short(value)}" for name, value in _shown(self))
    return f"{type(self).__name__}({values})"


def html(self: Any) -> str:  # noqa: ANN401 -- a method of what notebooks show
    """Write a table with bars."""
    from fillmask.notebook import results_html, score_html

    return results_html(self) if isinstance(self, list) else score_html(self)


class Results(list[T]):
    """The results of one text, best first, or one list of them for each mask. It is equal to a plain list."""

    def to_rows(self) -> list[dict[str, Any]]:
        """Give one dict for each result, with its ``rank`` and where there are masks its ``mask``, both from 1.

        The rows are what ``pandas.DataFrame``, ``polars.DataFrame`` and ``json.dumps`` take.
        """
        return [{**place, **to_dict(result)} for place, result in self._places()]

    def _places(self) -> Iterator[tuple[dict[str, int], Any]]:
        for index, item in enumerate(self, start=1):
            if isinstance(item, list):
                yield from (({"mask": index, "rank": rank}, each) for rank, each in enumerate(item, start=1))
            else:
                yield {"rank": index}, item

    def __repr__(self) -> str:
        return _lines(self, indent=1)

    _repr_html_ = html


def _shown(record: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- any record
    return ((field.name, getattr(record, field.name)) for field in fields(record) if field.repr)


def as_json(value: Any) -> Any:  # noqa: ANN401 -- any record, lists of them, or a value of one
    """Give results as JSON holds them: records become dicts, and a number that is not finite None."""
    if is_dataclass(value):
        return to_dict(value)
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.tolist() if np.isfinite(value).all() else as_json(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: Any) -> str:  # noqa: ANN401 -- any value of a record
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return f"({len(value)} {type(value[0]).__name__})"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _lines(items: list[Any], indent: int) -> str:
    """A list with one line for each result."""
    texts = (_lines(item, indent + 1) if isinstance(item, list) else repr(item) for item in items)
    separator = ",\n" + " " * indent
    return f"[{separator.join(texts)}]"
