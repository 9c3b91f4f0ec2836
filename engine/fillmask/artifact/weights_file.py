"""A file of weights that ONNX Runtime maps into memory: its hash, and whether it is still the same file."""

from __future__ import annotations

import hashlib
import os
from io import FileIO
from pathlib import Path
from weakref import finalize

from fillmask.errors import IntegrityError

_PIECE = 1 << 18  # bytes


class WeightsFile:
    """A file of weights.

    A mapped file changes under the model where another process writes into it, and where it becomes shorter a read
    ends the process (SIGBUS). A new file that is renamed over it changes nothing: the mapping keeps the old one.

    Args:
        path: Where it is.

    Attributes:
        path: Where it is.

    Raises:
        IntegrityError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Of an open file the system knows the state without a search for its path: after a run, whose weights
            # replace all that the CPU's caches hold, 7 instead of 11 microseconds.
            self._descriptor = os.open(path, os.O_RDONLY)
            # Not at exit: other functions that run then may still use the model.
            finalize(self, os.close, self._descriptor).atexit = False
            self._seen = os.fstat(self._descriptor)
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read: {error.strerror}") from error

    @property
    def size(self) -> int:
        """Its bytes when it was opened."""
        return self._seen.st_size

    def hash(self) -> tuple[str, int]:
        """Give the SHA-256 and the size of the file that was opened, whatever has its path now.

        Raises:
            IntegrityError: It cannot be read.
        """
        try:
            with FileIO(self._descriptor, closefd=False) as file:
                file.seek(0)
                return hash_file(file)
        except OSError as error:
            raise IntegrityError(f"{self.path} cannot be read: {error.strerror}") from error

    def check_loaded(self) -> None:
        """Check, after the file was mapped by its path, that it is the file that was opened, which is hashed.

        Raises:
            IntegrityError: It was replaced or changed meanwhile.
        """
        try:
            now = os.stat(self.path)
        except OSError:
            now = None
        # A file that was moved away and back has another ctime.
        if now is None or _identity(now) != _identity(self._seen) or now.st_ctime_ns != self._seen.st_ctime_ns:
            raise IntegrityError(f"{self.path} was replaced or changed while the model was loaded; load it again")

    def check_unchanged(self) -> None:
        """Check that nobody wrote into the file since it was opened; renaming over it or removing it is no change.

        Raises:
            IntegrityError: It was changed in place, or cannot be read any more.
        """
        try:
            now = os.fstat(self._descriptor)
        except OSError as error:  # such as a stale handle of a network's file system
            raise IntegrityError(
                f"{self.path} cannot be read any more: {error.strerror}; load the model again"
            ) from error
        if now.st_mtime_ns != self._seen.st_mtime_ns or now.st_size != self._seen.st_size:
            raise IntegrityError(
                f"{self.path} was written to while a model had it mapped into memory; load the model again, and rename "
                f"new files over old ones (mv) rather than write into them"
            )


def hash_file(file: FileIO) -> tuple[str, int]:
    """Give a file's SHA-256 and size. It is read in pieces: a mapped one that becomes shorter would end the process."""
    sha256, size, piece = hashlib.sha256(), 0, bytearray(_PIECE)
    while read := file.readinto(piece):
        sha256.update(memoryview(piece)[:read])
        size += read
    return sha256.hexdigest(), size


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
