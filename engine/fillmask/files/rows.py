"""What a reader gives: rows that are parsed only if they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from fillmask.errors import InputError, one_line
from fillmask.files.scalars import NO_VALUE, readable

# The columns of a row by name. A column of Parquet is a ``Cell``.
Columns: TypeAlias = dict[str, Any]
# Parses a row that was read; raises InputError if the row is malformed. A row that is skipped is never parsed.
ParseRow: TypeAlias = Callable[[], Columns]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row of the inputs begins.

    Attributes:
        file: The number of its file, from 0.
        row: Rows before it in the file.
        line: Lines before it in the file.
        offset: Bytes before it in the file, decompressed.
    """

    file: int = 0
    row: int = 0
    line: int = 0
    offset: int = 0


class Reader(Protocol):
    """Reads the rows of one file.

    Attributes:
        columns: The names of the columns with their types; None if each row names its own.
    """

    columns: Mapping[str, Any] | None

    def seek(self, place: Place) -> None:
        """Go to a place that ``rows`` has come to before.

        Raises:
            JobError: The file cannot be read up to there.
        """

    def reached(self) -> tuple[int, int]:
        """Lines and bytes that were read, as in ``Place``."""

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
        file: The name of its file, as in ``Inputs``.
        index: Its place in the file, from 0.
        columns: Its columns, none if it cannot be parsed.
        text: The text that the verb takes, of whatever type the row holds.
        error: Why the row has no result, if it is malformed.
        parameters: The verb's parameters for this row alone, of whatever type the row holds; None if it has none.
    """

    file: str
    index: int
    columns: Columns
    text: Any
    error: InputError | None = None
    parameters: Any = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in an array of pyarrow, which keeps its type until it is written.

    Attributes:
        array: The array.
        index: The place in it.
    """

    array: Any
    index: int

    def exact(self) -> Any:  # noqa: ANN401 -- a column has any type
        """The value.

        Raises:
            ValueError: Python has no such value, or the text is not UTF-8.
        """
        try:
            return self.array[self.index].as_py()
        except ValueError:
            raise
        except NO_VALUE as error:
            raise ValueError(one_line(error)) from error

    def readable(self) -> Any:  # noqa: ANN401 -- a column has any type
        """The value, or what comes closest, as in ``scalars.py``."""
        return readable(self.array[self.index])


def value_of(value: Any) -> Any:  # noqa: ANN401 -- a column has any type
    """The value of a cell; any other value stays."""
    return value.readable() if isinstance(value, Cell) else value
