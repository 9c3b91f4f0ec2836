"""A file of weights that ONNX Runtime maps into memory, and whether it is still the file that was hashed."""

from __future__ import annotations

import os
from pathlib import Path

from fillmask.errors import IntegrityError


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
        self._name = os.fspath(path)
        try:
            self._seen = os.stat(self._name)
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read: {error.strerror}") from error

    def check_loaded(self) -> None:
        """Check, after the file was hashed and then mapped by its path, that both were the same file.

        Raises:
            IntegrityError: It was replaced or changed meanwhile.
        """
        now = self._stat()
        # A file that was moved away and back has another ctime.
        if now is None or _identity(now) != _identity(self._seen) or now.st_ctime_ns != self._seen.st_ctime_ns:
            raise IntegrityError(f"{self.path} was replaced or changed while the model was loaded; load it again")

    def check_unchanged(self) -> None:
        """Check that nobody wrote into the file since it was opened; renaming over it or removing it is no change.

        Raises:
            IntegrityError: It was changed in place.
        """
        now = self._stat()
        if now is not None and now.st_ino == self._seen.st_ino and _identity(now) != _identity(self._seen):
            raise IntegrityError(
                f"{self.path} was written to while a model had it mapped into memory; load the model again, and rename "
                f"new files over old ones (mv) rather than write into them"
            )

    def _stat(self) -> os.stat_result | None:
        try:
            return os.stat(self._name)  # Path.stat takes longer, and this is called for each run
        except OSError:
            return None


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
