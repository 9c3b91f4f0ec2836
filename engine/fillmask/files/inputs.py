"""Which files a job reads, in which format, and their rows one after the other."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from fillmask.errors import InputError, TextError
from fillmask.files.paths import FORMATS, expand, known_format, name_files
from fillmask.files.readers import CsvReader, JsonReader, LineReader
from fillmask.files.rows import Cell, Columns, ParseRow, Place, Reader, Row
from fillmask.files.streams import ByteLines

STDIN = "-"
STDIN_PATH = Path("standard input")
TEXT = "text"  # the column of the texts, where no other is named
# The members of a line that is a request as the server takes it, for one text.
REQUEST_TEXT, REQUEST_PARAMETERS, REQUEST_ID = "inputs", "parameters", "custom_id"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of a job, checked.

    Attributes:
        paths: The files, in order.
        names: What a record calls each.
        format: Their format, one of ``FORMATS``.
        text: The column that holds the texts.
        id: The column that identifies a row, or None.
        columns: The columns with their types, None if each row names its own.
        stdin: The reader of standard input, which can be read once; None for files.
    """

    paths: tuple[Path, ...]
    names: tuple[str, ...]
    format: str
    text: str
    id: str | None
    columns: Mapping[str, Any] | None
    stdin: Reader | None = None

    def rows(self, position: Position, start: Place = Place()) -> Generator[UnparsedRow, None, None]:  # noqa: B008
        """Read the rows of all files, or those from a place on.

        Raises:
            JobError: A file cannot be read on.
        """
        for number, path in enumerate(self.paths[start.file :], start.file):
            with closing(self.stdin or open_reader(path, self.format, self.text)) as reader:
                first = start.row if number == start.file else 0
                if first:
                    reader.seek(start)
                position.file, position.row, position.reader = number, first, reader
                for index, parse in enumerate(reader.rows(), first):
                    position.row = index + 1
                    yield UnparsedRow(self, self.names[number], index, parse)
            position.file, position.row, position.reader = number + 1, 0, None


@dataclass(slots=True)
class Position:
    """How far the inputs were read: files, rows of the present one, and its reader."""

    file: int = 0
    row: int = 0
    reader: Reader | None = None

    def place(self) -> Place:
        """Where the next row begins."""
        return Place(self.file, self.row, *(self.reader.reached() if self.reader else (0, 0)))

    def fraction(self, files: int) -> float:
        """The part of the files that was read, from 0 to 1, each file counted alike."""
        return (self.file + (self.reader.fraction() if self.reader else 0.0)) / max(files, 1)


@dataclass(frozen=True, slots=True)
class UnparsedRow:
    """A row that was read; ``parse`` is called only where its part is made."""

    inputs: Inputs
    file: str
    index: int
    columns: ParseRow

    def parse(self) -> Row:
        """Parse the row; what is wrong with it becomes its error."""
        make = partial(Row, self.file, self.index)
        columns: Columns = {}
        try:
            columns = self.columns()
            requested = is_request(columns, self.inputs.text)
            for name in (REQUEST_TEXT if requested else self.inputs.text, self.inputs.id):
                if name is not None and name not in columns:
                    raise InputError(f"the row has no column {name!r}")
        except InputError as error:
            return make(columns, None, error)
        if requested:
            return make(columns, columns[REQUEST_TEXT], None, columns.get(REQUEST_PARAMETERS))
        text = columns[self.inputs.text]
        try:
            return make(columns, text.exact() if isinstance(text, Cell) else text)
        except ValueError as error:
            return make(columns, None, TextError(f"the text cannot be read: {error}"))


def find_inputs(
    inputs: str | Path | Iterable[str | Path], *, input_format: str | None, text: str, id_column: str | None
) -> Inputs:
    """Find the files of a job and check what can be checked before the first row.

    Args:
        inputs: Files, folders (their files of known formats, by name) and glob patterns; or ``"-"`` for standard input.
        input_format: One of ``FORMATS``; None for what the suffixes say.
        text: The column of the texts.
        id_column: The column that identifies a row.

    Raises:
        InputError: There is no such file, the formats or columns differ, or a file cannot be read.
    """
    named = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    if STDIN in named:
        return _standard_input(named, input_format, text, id_column)
    paths = tuple(path for name in named for path in expand(name))
    if not paths:
        raise InputError("there are no input files")
    formats = {path: input_format or known_format(path) for path in paths}
    other = next((path for path in paths if formats[path] != formats[paths[0]]), None)
    if other is not None:
        raise InputError(f"{other} is {formats[other]} and {paths[0]} is {formats[paths[0]]}; run one job for each")
    columns = _common_columns(paths, formats[paths[0]], text)
    _check_columns(paths[0], columns, (text, id_column))
    return Inputs(paths, name_files(paths), formats[paths[0]], text, id_column, columns)


def open_reader(path: Path, input_format: str, text: str, raw: IO[bytes] | None = None) -> Reader:
    """Open one file, or read what is open.

    Raises:
        InputError: It cannot be read.
    """
    if input_format == "parquet":
        from fillmask.files.parquet import ParquetReader

        return ParquetReader(path)
    lines = ByteLines(path, raw)
    if input_format == "jsonl":
        return JsonReader(lines)
    if input_format == "lines":
        return LineReader(lines, text)
    return CsvReader(lines, "\t" if input_format == "tsv" else ",")


def _standard_input(named: list[str | Path], input_format: str | None, text: str, id_column: str | None) -> Inputs:
    if len(named) > 1:
        raise InputError("standard input cannot be read together with files; run one job for each")
    if input_format is None or input_format == "parquet":
        formats = ", ".join(each for each in FORMATS if each != "parquet")
        raise InputError(f"standard input needs the name of its format, one of {formats}, got {input_format!r}")
    reader = open_reader(STDIN_PATH, input_format, text, _open_stdin())
    _check_columns(STDIN_PATH, reader.columns, (text, id_column))
    return Inputs((STDIN_PATH,), (str(STDIN_PATH),), input_format, text, id_column, reader.columns, reader)


def _open_stdin() -> IO[bytes]:
    """Open descriptor 0, unless standard input was closed when the program started: another file may have it then."""
    if sys.stdin is None:
        raise InputError("standard input cannot be read: the stream is closed")
    try:
        with suppress(ValueError):  # a stand-in that has no descriptor
            sys.stdin.fileno()
        return open(0, "rb", buffering=0, closefd=False)
    except OSError as error:
        raise InputError(f"standard input cannot be read: {error.strerror}") from error


def _check_columns(path: Path, columns: Mapping[str, Any] | None, names: Iterable[str | None]) -> None:
    for name in names:
        if columns is not None and name is not None and name not in columns:
            raise InputError(f"{path} has no column {name!r}; it has {', '.join(map(repr, columns))}")


def is_request(columns: Columns, text: str) -> bool:
    """Whether a row is a request as the server takes it; files with a header have the column of the texts."""
    return text == TEXT and TEXT not in columns and REQUEST_TEXT in columns


def _common_columns(paths: tuple[Path, ...], input_format: str, text: str) -> Mapping[str, Any] | None:
    """The columns, which must be those of every file; each file is opened once, so that a broken one is found early."""
    first: Mapping[str, Any] | None = None
    for path in paths:
        with closing(open_reader(path, input_format, text)) as reader:
            if path == paths[0]:
                first = reader.columns
            elif reader.columns != first:
                raise InputError(f"the columns of {path} are not those of {paths[0]}")
    return first
