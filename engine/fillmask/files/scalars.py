"""Scalars of pyarrow as values of Python, or as what comes closest."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fillmask.files.streams import import_pyarrow

# What pyarrow raises where Python has no such value: nanoseconds and bytes that are not UTF-8 (ValueError), years above
# 9999 (OverflowError), unknown time zones (KeyError), and what it cannot convert (NotImplementedError).
NO_VALUE = (ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError)


def readable(scalar: Any) -> Any:  # noqa: ANN401 -- a column has any type
    """The value of a scalar; where Python has none, bytes that are not UTF-8 replaced, or the value as text.

    In lists and structs this holds of each value alone. A struct with two fields of one name becomes a list of pairs.
    """
    try:
        return scalar.as_py()
    except NO_VALUE:
        return _closest(scalar)


def _closest(scalar: Any) -> Any:  # noqa: ANN401 -- a column has any type
    arrow: Any = import_pyarrow("Parquet")
    if isinstance(scalar, arrow.MapScalar):
        keys, items = scalar.values.field(0), scalar.values.field(1)
        return [[readable(key), readable(item)] for key, item in zip(keys, items, strict=True)]
    if isinstance(scalar, arrow.ListScalar):
        return [readable(value) for value in scalar.values]
    if isinstance(scalar, arrow.StructScalar):
        names, values = [*scalar], [readable(scalar[index]) for index in range(len(scalar))]
        pairs = zip(names, values, strict=True)
        return dict(pairs) if len({*names}) == len(names) else [*map(list, pairs)]
    if isinstance(scalar, (arrow.DictionaryScalar, arrow.ExtensionScalar)):
        return readable(scalar.value)
    if isinstance(scalar, arrow.BinaryScalar):
        return scalar.as_buffer().to_pybytes().decode("utf-8", "replace")
    return _as_text(arrow, scalar)


def _as_text(arrow: Any, scalar: Any) -> str:  # noqa: ANN401 -- pyarrow has no types
    with suppress(*NO_VALUE):
        return str(scalar.cast("string"))
    if arrow.types.is_timestamp(scalar.type):  # of a time zone that is not known here: the same moment in UTC
        with suppress(*NO_VALUE):
            return str(scalar.cast(arrow.timestamp(scalar.type.unit, "UTC")).cast("string"))
    return str(getattr(scalar, "value", None))
