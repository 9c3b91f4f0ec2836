"""Records as JSONL, CSV and TSV."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, Protocol, TypeAlias

from fillmask.files.csv_lines import csv_writer
from fillmask.files.rows import value_of
from fillmask.files.verbs import ColumnType

OUTPUT_FORMATS = ("jsonl", "csv", "tsv", "parquet")
# The columns of a record by name for JSONL; for formats that fix the columns, their values in order.
Record: TypeAlias = "dict[str, Any] | tuple[Any, ...]"
_PLAIN = {str, int, float, bool, type(None)}  # a cell of these is written as it is


class RecordEncoder(Protocol):
    """Writes records into one file."""

    def write(self, records: Sequence[Record]) -> None:
        """Write the records of one row."""

    def close(self) -> None:
        """Write what is left; the file stays open."""

    def abandon(self) -> None:
        """Write nothing more, since something failed."""


class JsonEncoder:
    """One JSON object a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, records: Sequence[Record]) -> None:
        """Write the records of one row."""
        for record in records:
            self._file.write(_utf_8(to_json(record)) + b"\n")

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing is left to write."""


class CsvEncoder:
    """Separated values with a header. None is an empty field, and lists and objects are JSON.

    Args:
        file: Where the bytes go.
        columns: The names of the columns.
        delimiter: The separator.
        header: Whether the first line names the columns.
    """

    def __init__(self, file: IO[bytes], columns: Sequence[str], delimiter: str, *, header: bool = True) -> None:
        self._file = file
        self._buffer = io.StringIO()
        self._csv = csv_writer(self._buffer.write, delimiter)
        if header:
            self._csv.writerow(columns)
            self._flush()

    def write(self, records: Sequence[Record]) -> None:
        """Write the records of one row."""
        self._csv.writerows([each if _PLAIN.issuperset(map(type, each)) else map(_cell, each) for each in records])
        self._flush()

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing is left to write."""

    def _flush(self) -> None:
        self._file.write(self._buffer.getvalue().encode("utf-8", "replace"))
        self._buffer.seek(0)
        self._buffer.truncate()


@contextmanager
def encoding(output_format: str, file: IO[bytes], columns: Mapping[str, ColumnType]) -> Iterator[RecordEncoder]:
    """Write a file of a format, one of ``OUTPUT_FORMATS``, from its first byte to its last."""
    encoder = _open_encoder(output_format, file, columns)
    try:
        yield encoder
        encoder.close()
    except BaseException:
        encoder.abandon()
        raise


def _open_encoder(output_format: str, file: IO[bytes], columns: Mapping[str, ColumnType]) -> RecordEncoder:
    if output_format == "jsonl":
        return JsonEncoder(file)
    if output_format == "parquet":
        from fillmask.files.parquet import ParquetEncoder

        return ParquetEncoder(file, columns)
    return CsvEncoder(file, list(columns), "\t" if output_format == "tsv" else ",")


def join(output_format: str, paths: Sequence[Path], file: IO[bytes]) -> None:
    """Write the records of files of one format into one file."""
    if output_format == "parquet":
        from fillmask.files.parquet import join as join_parquet

        return join_parquet(paths, file)
    for index, path in enumerate(paths):
        with path.open("rb") as part:
            if index and output_format != "jsonl":
                part.seek(_header_size(path, "\t" if output_format == "tsv" else ","))
            copyfileobj(part, file, 1 << 20)


def to_json(value: Any) -> str:  # noqa: ANN401 -- a column has any type
    """Encode a value as strict JSON: bytes as base64, what JSON does not know as text, NaN and infinities as null."""
    try:
        return _dumps(value)
    except ValueError:
        return _dumps(_finite(value))


def _utf_8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can write as an escape
        return json.dumps(json.loads(text)).encode()


def _default(value: Any) -> Any:  # noqa: ANN401 -- a column has any type
    value = value_of(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)


_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_default).encode


def _finite(value: Any) -> Any:  # noqa: ANN401 -- a column has any type
    value = value_of(value)
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):  # a map is a list of tuples
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _cell(value: Any) -> Any:  # noqa: ANN401 -- a column has any type
    value = value_of(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return to_json(value) if isinstance(value, (list, dict)) else value


def _header_size(path: Path, delimiter: str) -> int:
    """Bytes of the header; a name may hold line ends inside quotes."""
    with path.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file, delimiter=delimiter))
    header = io.BytesIO()
    CsvEncoder(header, names, delimiter)
    return len(header.getvalue())
