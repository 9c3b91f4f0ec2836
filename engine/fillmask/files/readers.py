"""Rows of JSONL, CSV, TSV and plain lines, by the standard library."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from functools import partial, reduce
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from fillmask.errors import InputError, TextError
from fillmask.files.rows import Columns, ParseRow, Place
from fillmask.files.streams import MAX_LINE, ByteLines

_SPACES = b" \t\r\n\v\f"
_CHECKED_DEPTH = 200  # of JSON; less is read and written at any depth of Python's stack that occurs here


class _TextReader:
    """What the readers of lines share.

    Args:
        lines: The lines of the file.
    """

    def __init__(self, lines: ByteLines) -> None:
        self._lines = lines
        self.fraction, self.close = lines.fraction, lines.close

    def seek(self, place: Place) -> None:
        """Go to a place that ``rows`` has come to before."""
        self._lines.seek(place.offset, place.line)

    def reached(self) -> tuple[int, int]:
        """Lines and bytes that were read, as in ``Place``."""
        return self._lines.number, self._lines.offset


class LineReader(_TextReader):
    """Rows of a file with one text a line.

    Args:
        lines: The lines of the file.
        column: The name of the text.
    """

    def __init__(self, lines: ByteLines, column: str) -> None:
        super().__init__(lines)
        self.columns: Mapping[str, Any] | None = {column: "string"}
        self._column = column

    def rows(self) -> Iterator[ParseRow]:
        """Read the lines, the empty ones too."""
        for line in self._lines:
            yield partial(self._parse, line, self._lines.number)

    def _parse(self, line: bytes | None, number: int) -> Columns:
        return {self._column: _decode(line, number)}


class JsonReader(_TextReader):
    """Rows of a file with one JSON object a line. Blank lines are no rows.

    Args:
        lines: The lines of the file.
    """

    def __init__(self, lines: ByteLines) -> None:
        super().__init__(lines)
        self.columns: Mapping[str, Any] | None = None

    def rows(self) -> Iterator[ParseRow]:
        """Read the lines."""
        for line in self._lines:
            if line is None or line.strip(_SPACES):
                yield partial(_parse_json, line, self._lines.number)


class CsvReader(_TextReader):
    """Rows of a file with separated values and a header. Blank lines are no rows.

    Args:
        lines: The lines of the file.
        delimiter: The separator; quotes and line ends inside them are read as in CSV, for tabs too.

    Raises:
        InputError: The header is missing, malformed, or names a column twice.
    """

    def __init__(self, lines: ByteLines, delimiter: str) -> None:
        super().__init__(lines)
        self._records = csv.reader(_Decoded(lines), delimiter=delimiter, strict=True)
        try:
            self._names = _check_header(lines.path, next((record for record in self._records if record), None))
        except csv.Error as error:
            self.close()
            raise InputError(f"{lines.path}: the header is malformed: {error}") from error
        except BaseException:
            self.close()
            raise
        self.columns: Mapping[str, Any] | None = dict.fromkeys(self._names, "string")

    def rows(self) -> Iterator[ParseRow]:
        """Read the records. After a malformed one, reading goes on with the line behind it."""
        while True:
            number = self._lines.number + 1
            try:
                record = next(self._records)
            except StopIteration:
                return
            except csv.Error as error:
                yield partial(_refuse, f"line {number} is not CSV: {error}")
                continue
            if record:
                yield partial(self._parse, record, number)

    def _parse(self, record: list[str], number: int) -> Columns:
        if len(record) != len(self._names):
            raise InputError(f"line {number} has {len(record)} fields, and the header {len(self._names)}")
        if not all(map(_is_unicode, record)):
            raise TextError(f"line {number} is not UTF-8")
        return dict(zip(self._names, record, strict=True))


class _Decoded:
    """Lines for ``csv.reader``, which goes on after an error only if its iterator does; a generator would not.

    They keep their ends: inside quotes these are of the field.
    """

    def __init__(self, lines: ByteLines) -> None:
        self._lines = lines.whole()

    def __iter__(self) -> _Decoded:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if line is None:
            raise csv.Error(f"more than {MAX_LINE} bytes")
        return line.decode("utf-8", "surrogateescape")


def _check_header(path: Path, names: list[str] | None) -> list[str]:
    if not names:
        raise InputError(f"{path} is empty; its first line must name its columns")
    if not all(map(_is_unicode, names)):
        raise InputError(f"{path}: the header is not UTF-8")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the header names {twice[0]!r} twice")
    return names


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)


def _decode(line: bytes | None, number: int) -> str:
    if line is None:
        raise InputError(f"line {number} has more than {MAX_LINE} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise TextError(f"line {number} is not UTF-8: {error.reason} at byte {error.start}") from error


def _parse_json(line: bytes | None, number: int) -> Columns:
    text = _decode(line, number)
    try:
        if text.startswith("\ufeff"):
            raise ValueError("it begins with a byte order mark")
        parsed = _JSON.decode(text)
        if text.count("[") + text.count("{") > _CHECKED_DEPTH:
            json.dumps(reduce(lambda value, _: [value], range(_CHECKED_DEPTH), parsed))  # it must be written again
    except (ValueError, RecursionError) as error:
        raise InputError(f"line {number} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise InputError(f"line {number} must be a JSON object, got {type(parsed).__name__}")
    return parsed


def _finite(literal: str) -> float:
    number = float(literal)
    if not isfinite(number):
        raise ValueError(f"{literal} is not a finite number")
    return number


_JSON = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def _refuse(message: str) -> NoReturn:
    raise InputError(message)
