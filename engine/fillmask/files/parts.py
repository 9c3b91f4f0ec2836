"""Parts of a fixed number of rows. A part that exists is complete: it gets its name when it is on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from fillmask.errors import JobError, one_line
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
    """

    path: Path
    suffix: str

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
            JobError: It cannot be written, such as on a full disk.
        """
        with replacing(self.part(index)) as file:
            yield file
            write_json(self._counts(index), asdict(counts))

    def clear(self) -> None:
        """Remove the parts and all that belongs to them, the description last: a job that is half removed is one."""
        for pattern in (SUCCESS, "part-*", ".part-*", f"{_COUNTS}/*.json", f"{_COUNTS}/.*", "._*.tmp-*", JOB):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)

    def finish(self, counts: Counts) -> None:
        """Record that all parts are complete, and remove what killed processes left."""
        for path in (*self.path.glob(".part-*"), *self.path.glob(f"{_COUNTS}/.*")):
            path.unlink(missing_ok=True)
        write_json(self.path / SUCCESS, asdict(counts))

    def finished(self) -> Counts | None:
        """The totals of a job that is complete, else None."""
        return _read_counts(self.path / SUCCESS)

    def remove_parts(self) -> None:
        """Remove the parts, which were joined; the job and its totals stay."""
        for path in (*self.path.glob("part-*"), *self.path.glob(f"{_COUNTS}/*.json")):
            path.unlink(missing_ok=True)

    def _counts(self, index: int) -> Path:
        return self.path / _COUNTS / f"part-{index:06d}.json"


def _read_counts(path: Path) -> Counts | None:
    try:
        return Counts(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name; at the end it is flushed to the disk and renamed.

    Raises:
        JobError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file.replacing(path) as file:
            yield file
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


def _encode(document: object) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
    except UnicodeEncodeError:  # a name that is not UTF-8, which must come back as it was
        return json.dumps(document, indent=1).encode() + b"\n"
