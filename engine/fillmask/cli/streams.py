"""Standard input, output and error that are closed, full, or read by nobody: one line and exit code 1."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

from fillmask.cli.errors import fail

_OUTPUT = "standard output"
_OF_WRITING = (errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC)


class ClosedStream(io.TextIOBase):
    """A standard stream that was closed before the program started; Python has None for it.

    Args:
        name: What it is called in an error.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def _refuse(self, *_: object) -> NoReturn:
        raise OSError(errno.EBADF, "the stream is closed", self._name)

    read = readline = write = fileno = _refuse
    buffer = property(_refuse)


@contextmanager
def guarded() -> Iterator[None]:
    """Run a command; an output that cannot be written ends it with exit code 1 and one line.

    The line is left out where the reader of a pipe has ended, as ``head`` does.
    """
    _open_descriptors()
    if sys.stdin is None:
        sys.stdin = ClosedStream("standard input")
    if sys.stdout is None:
        sys.stdout = ClosedStream(_OUTPUT)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- it stays open
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        if error.errno == errno.EPIPE:
            sys.exit(1)
        fail(f"{_OUTPUT} cannot be written: {error.strerror}" if _is_of_output(error) else str(error), code=1)


def silence(stream: TextIO | ClosedStream) -> None:
    """Drop what is left in the buffer of a standard stream, which would fail once more when Python ends."""
    with suppress(OSError), open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), stream.fileno())


def _open_descriptors() -> None:
    """Open descriptors 0 to 2 where they are closed, so that no file of the program gets their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, this one


def _is_of_output(error: OSError) -> bool:
    """Whether an error is one of writing to standard output: those of files have the name of their file."""
    return error.filename == _OUTPUT or (error.filename is None and error.errno in _OF_WRITING)
