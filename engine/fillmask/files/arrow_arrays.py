"""Values as arrays of pyarrow, with the types that a verb's columns have."""

from __future__ import annotations

from typing import Any

from fillmask.files.streams import import_pyarrow
from fillmask.files.verbs import ColumnType


def arrow_type(kind: ColumnType) -> Any:  # noqa: ANN401 -- a pyarrow type
    """The type of pyarrow for that of a column; one of pyarrow stays."""
    arrow: Any = import_pyarrow("Arrow")
    if isinstance(kind, str):
        return getattr(arrow, kind)()
    if isinstance(kind, list):
        return arrow.list_(arrow_type(kind[0]))
    if isinstance(kind, dict):
        return arrow.struct([(name, arrow_type(each)) for name, each in kind.items()])
    return kind


def to_array(values: list[Any], kind: Any) -> Any:  # noqa: ANN401 -- a pyarrow type and array
    """An array of Python's values; characters that UTF-8 does not have are replaced."""
    arrow: Any = import_pyarrow("Arrow")
    try:
        return arrow.array(values, kind)
    except UnicodeEncodeError:
        return arrow.array([_encodable(value) for value in values], kind)


def _encodable(value: Any) -> Any:  # noqa: ANN401 -- a column has any type
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    if isinstance(value, dict):
        return {name: _encodable(each) for name, each in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
