"""The texts of a command: arguments, lines of a file, lines of standard input, or lines typed at a prompt."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import click

from fillmask.cli.streams import ClosedStream
from fillmask.errors import InputError


class Texts(NamedTuple):
    """Texts of a command.

    Attributes:
        texts: In order, read as they are needed.
        by_line: Whether each is a line of a file or of standard input.
        ready: Whether all of them are there, so that reading ahead waits for nobody.
        total: How many there are, where a bar is to show it.
    """

    texts: Iterable[str]
    by_line: bool
    ready: bool
    total: int | None = None


def read_texts(texts: tuple[str, ...], file: str | None) -> Texts:
    """Choose where a command reads its texts: the arguments, ``--file``, or standard input.

    Raises:
        InputError: Texts and a file are given, or the file holds no plain lines or cannot be read.
    """
    if file is not None and texts:
        raise InputError("give texts or --file, not both")
    if file not in (None, "-"):
        _refuse_rows(str(file))
        return Texts(_file_lines(str(file)), by_line=True, ready=True, total=_total(str(file)))
    if texts and texts != ("-",):
        return Texts(texts, by_line=False, ready=True)
    ready = _is_file()
    return Texts(stdin_lines(), by_line=True, ready=ready, total=_total(0) if ready else None)


def without_texts(texts: tuple[str, ...], file: str | None) -> bool:
    """Whether a command would ask for its texts at a terminal though nobody asked it to, as ``-`` does."""
    return not texts and file is None and sys.stdin.isatty()


def stdin_lines() -> Iterator[str]:
    """Read the lines of standard input as UTF-8, without their ends and without a byte order mark before the first.

    Raises:
        InputError: Standard input is closed.
    """
    if isinstance(sys.stdin, ClosedStream):
        raise InputError("there are no texts, and standard input is closed; name texts, or give a file as input")
    if sys.stdin.isatty():
        yield from _typed_lines()
        return
    if isinstance(sys.stdin, TextIOWrapper):
        # Bytes that are not UTF-8 become lone surrogates, which are then reported for their line alone.
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    for line in sys.stdin:
        yield line.rstrip("\r\n")


def _typed_lines() -> Iterator[str]:
    with suppress(ImportError):
        import readline  # noqa: F401 -- input() then edits lines, and remembers them
    click.echo("One text a line; Ctrl-D ends.", err=True)
    prompt = "> " if sys.stdout.isatty() else ""  # input() writes it to standard output
    with suppress(EOFError):
        while True:
            yield input(prompt)


def _refuse_rows(file: str) -> None:
    """Refuse a file of rows, each of which would be a text as it stands, and a compressed file."""
    from fillmask.files.paths import format_of
    from fillmask.files.streams import COMPRESSIONS

    if format_of(Path(file)) not in (None, "lines") or Path(file).suffix in COMPRESSIONS:
        raise InputError(
            f"--file reads plain lines of text, and {file} holds rows or is compressed, by its name; `fillmask batch` "
            f"reads such files, and standard input takes lines of any kind"
        )


def _file_lines(file: str) -> Iterator[str]:
    try:
        with Path(file).open(encoding="utf-8-sig", errors="surrogateescape") as stream:
            for line in stream:
                yield line.rstrip("\r\n")
    except OSError as error:
        raise InputError(f"--file: {file} cannot be read: {error.strerror}") from error


def _total(file: str | int) -> int | None:
    """Count the lines of a file, from where it is read on, for a bar: where only results leave the terminal alone."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return None
    with suppress(OSError), open(file, "rb", buffering=0, closefd=isinstance(file, str)) as stream:
        start, lines, last = stream.tell(), 0, b"\n"
        while block := stream.read(1 << 20):
            lines, last = lines + block.count(b"\n"), block
        stream.seek(start)
        return lines + (not last.endswith(b"\n"))
    return None


def _is_file() -> bool:
    """Whether standard input is a file; a program that waits for results writes to a pipe."""
    try:
        return stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    except OSError:  # also io.UnsupportedOperation: a stream without a descriptor
        return False
