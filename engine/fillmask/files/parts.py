"""Parts of a fixed number of rows. A part that exists is complete: it gets its name when it is on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from fillmask.errors import InputError, JobError, one_line
from fillmask.files import whole_file

JOB = "_job.json"
SUCCESS = "_SUCCESS"
_COUNTS = "_counts"


@dataclass(slots=True)
class Counts:
    """What was written.

    Attributes:
        rows: Rows of the input.
        errors: Rows without a result.
        warnings: Rows with a warning.
        parts: Complete parts.
    """

    rows: int = 0
    errors: int = 0
    warnings: int = 0
    parts: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of other rows."""
        self.rows += other.rows
        self.errors += other.errors
        self.warnings += other.warnings
        self.parts += other.parts


@dataclass(frozen=True, slots=True)
class PartFolder:
    """A folder of parts, and the counts of each beside it.

    Attributes:
        path: The folder.
        suffix: Of the parts, such as ``.jsonl``.
        began: The bytes of ``_job.json`` when this process began; None before, and where nothing is compared.
    """

    path: Path
    suffix: str
    began: bytes | None = None

    def part(self, index: int) -> Path:
        """The path of a part."""
        return self.path / f"part-{index:06d}{self.suffix}"

    def counts(self, index: int) -> Counts | None:
        """The counts of a part, None if it is not complete."""
        return _read_counts(self._counts(index)) if self.part(index).exists() else None

    @contextmanager
    def making(self, index: int, counts: Counts) -> Iterator[IO[bytes]]:
        """Write a part; ``counts`` are those of its rows at the end. Nothing remains of a part that fails.

        Raises:
            JobError: It cannot be written, such as on a full disk, or another process started the folder over.
        """
        with replacing(self.part(index), self.check_began) as file:
            yield file
            self.check_began()  # the counts are not those of the other job
            write_json(self._counts(index), asdict(counts))

    def check_began(self) -> None:
        """Stop this process if another one started the folder over: its parts may be those of another job.

        Raises:
            JobError: It did.
        """
        if self.began is not None and _read_bytes(self.path / JOB) != self.began:
            raise JobError(f"another process started {self.path} over, and this one stops")

    def check_parts(self, count: int) -> None:
        """Check that all parts are there before they count as complete.

        Raises:
            JobError: One was removed.
        """
        lost = next((self.part(index) for index in range(count) if not self.part(index).exists()), None)
        if lost is not None:
            raise JobError(f"{lost} was removed while the job ran; the same command makes it again")

    def clear(self) -> None:
        """Remove the parts and all that belongs to them, the description last: a job that is half removed is one.

        Raises:
            InputError: This user may not remove them.
        """
        try:
            self._remove(SUCCESS, "part-*", ".part-*", f"{_COUNTS}/*.json", f"{_COUNTS}/.*", "._*.tmp-*", JOB)
        except OSError as error:
            raise InputError(f"{error.filename} cannot be removed: {error.strerror}; choose another output") from error

    def finish(self, counts: Counts) -> None:
        """Record that all parts are complete, and remove what killed processes left.

        Raises:
            JobError: It cannot be written or removed, or another process started the folder over.
        """
        self.check_began()
        with _removing():
            self._remove(".part-*", f"{_COUNTS}/.*", f".{JOB}.tmp-*")
        write_json(self.path / SUCCESS, asdict(counts))

    def finished(self) -> Counts | None:
        """The totals of a job that is complete, else None."""
        return _read_counts(self.path / SUCCESS)

    def remove_parts(self) -> None:
        """Remove the parts, which were joined; the job and its totals stay.

        Raises:
            JobError: This user may not remove them.
        """
        with _removing():
            self._remove("part-*", f"{_COUNTS}/*.json")

    def _remove(self, *patterns: str) -> None:
        for pattern in patterns:
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def _counts(self, index: int) -> Path:
        return self.path / _COUNTS / f"part-{index:06d}.json"


@contextmanager
def _removing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JobError(f"{error.filename} cannot be removed: {error.strerror}; complete parts are kept") from error


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _read_counts(path: Path) -> Counts | None:
    try:
        return Counts(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def replacing(path: Path, check: Callable[[], None] | None = None) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name; at the end it is flushed to the disk and renamed.

    Args:
        path: The file.
        check: Is called just before the file is renamed, and may raise.

    Raises:
        JobError: It cannot be written.
    """
    with _writing(path), whole_file.replacing(path, check) as file:
        yield file


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise JobError(f"{path} cannot be written: {reason}; complete parts are kept") from error


def write_json(path: Path, document: object) -> None:
    """Write a JSON document under its name at once.

    Raises:
        JobError: It cannot be written.
    """
    with replacing(path) as file:
        file.write(_encode(document))


def write_new_json(path: Path, document: object) -> None:
    """Write a JSON document, unless there is one that another process wrote.

    Raises:
        JobError: It cannot be written.
    """
    with _writing(path):
        whole_file.write_new(path, _encode(document))


def _encode(document: object) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
    except UnicodeEncodeError:  # a name that is not UTF-8, which must come back as it was
        return json.dumps(document, indent=1).encode() + b"\n"
