"""Bytes of files, plain or compressed, and their lines, none of which is held beyond a limit."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Any, cast

from fillmask.errors import InputError, JobError, one_line
from fillmask.extras import lacks

COMPRESSIONS = (".gz", ".xz", ".zst")
MAX_LINE = 8 << 20  # bytes
_BUFFER = 1 << 18
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def import_pyarrow(purpose: str, module: str = "pyarrow") -> ModuleType:
    """Import pyarrow, or one of its modules.

    Raises:
        InputError: It is not installed; the error names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(lacks(purpose, "pyarrow", "batch")) from error


class ByteLines:
    """The lines of a file.

    Args:
        path: The file; its suffix names its compression.
        raw: Its bytes where it is open already, such as standard input.

    Attributes:
        number: Of the line that was read last, from 1.
        offset: Bytes up to the end of that line, decompressed.

    Raises:
        InputError: The file cannot be opened, is UTF-16, or its compression needs a package that is missing.
    """

    def __init__(self, path: Path, raw: IO[bytes] | None = None) -> None:
        self.path = path
        self.number = self.offset = 0
        self._size: int | None = None  # of standard input it is not known
        try:
            if raw is None:
                self._size = max(path.stat().st_size, 1)
            self._raw = raw or path.open("rb")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        try:
            self._file = io.BufferedReader(_decompress(path, self._raw), _BUFFER)
            with self._reading():
                if self._file.peek(2)[:2] in _UTF_16:
                    raise InputError(f"{path} is UTF-16; convert it to UTF-8")
        except BaseException:
            self._raw.close()
            raise

    def __iter__(self) -> Iterator[bytes | None]:
        """Read the lines without their ends, otherwise as ``whole`` does.

        Raises:
            JobError: The file cannot be read on, such as a truncated archive.
        """
        for line in self.whole():
            yield None if line is None else line.removesuffix(b"\n").removesuffix(b"\r")

    def whole(self) -> Iterator[bytes | None]:
        """Read the lines with their ends; a line longer than ``MAX_LINE`` bytes is None.

        Raises:
            JobError: The file cannot be read on, such as a truncated archive.
        """
        with self._reading():
            while line := self._file.readline(MAX_LINE + 1):
                self.number += 1
                self.offset += len(line)
                if len(line) > MAX_LINE and not line.endswith(b"\n"):
                    self._skip_line()
                    yield None
                    continue
                yield line.removeprefix(b"\xef\xbb\xbf") if self.number == 1 else line

    def seek(self, offset: int, number: int) -> None:
        """Go to the line behind a number of bytes and lines; a compressed file is read up to there.

        Raises:
            JobError: The file cannot be read up to there.
        """
        with self._reading():
            if self.path.suffix not in COMPRESSIONS:
                self._file.seek(offset)
            else:
                left = offset - self.offset  # a header was read
                while left and (piece := self._file.read(min(left, _BUFFER))):
                    left -= len(piece)
        self.offset, self.number = offset, number

    def fraction(self) -> float:
        """The part of the file that was read, from 0 to 1."""
        return min(self._raw.tell() / self._size, 1.0) if self._size else 0.0

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def _skip_line(self) -> None:
        piece = b" "
        while piece and not piece.endswith(b"\n"):
            piece = self._file.readline(_BUFFER)
            self.offset += len(piece)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise JobError(f"{self.path} cannot be read past line {self.number}: {one_line(error)}") from error


def _decompress(path: Path, raw: IO[bytes]) -> io.RawIOBase:
    if path.suffix == ".gz":
        return cast(io.RawIOBase, gzip.GzipFile(fileobj=raw))
    if path.suffix == ".xz":
        return cast(io.RawIOBase, lzma.LZMAFile(raw))
    if path.suffix == ".zst":
        arrow: Any = import_pyarrow(f"{path}: zst")
        return cast(io.RawIOBase, arrow.CompressedInputStream(arrow.PythonFile(raw), "zstd"))
    return cast(io.RawIOBase, raw)
