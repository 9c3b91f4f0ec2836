"""What a reader gives: rows that are parsed only if they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from fillmask.errors import InputError

# The columns of a row by name. A column of Parquet is a pyarrow scalar, whose type survives until the row is written.
Columns: TypeAlias = dict[str, Any]
# Parses a row that was read; raises InputError if the row is malformed. A row that is skipped is never parsed.
ParseRow: TypeAlias = Callable[[], Columns]


class Reader(Protocol):
    """Reads the rows of one file.

    Attributes:
        columns: The names of the columns with their types; None if each row names its own.
    """

    columns: Mapping[str, Any] | None

    def rows(self) -> Iterator[ParseRow]:
        """Read the rows lazily.

        Raises:
            JobError: The file cannot be read on.
        """

    def fraction(self) -> float:
        """The part of the file that was read, from 0 to 1."""

    def close(self) -> None:
        """Close the file."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the inputs.

    Attributes:
        file: The path of its file.
        index: Its place in the file, from 0.
        columns: Its columns, none if it cannot be parsed.
        text: The text that the verb takes, of whatever type the row holds.
        error: Why the row has no result, if it is malformed.
    """

    file: str
    index: int
    columns: Columns
    text: Any
    error: InputError | None = None


def value_of(value: Any) -> Any:  # noqa: ANN401 -- a column has any type
    """Turn a pyarrow scalar into a Python value; any other value stays."""
    convert = getattr(value, "as_py", None)
    if convert is None:
        return value
    try:
        return convert()
    except UnicodeDecodeError:
        buffer = getattr(value, "as_buffer", None)
        return None if buffer is None else buffer().to_pybytes().decode("utf-8", "replace")
    except (ValueError, OverflowError):  # such as a date in the year 10,000, for which Python has no type
        return str(value.cast("string"))
