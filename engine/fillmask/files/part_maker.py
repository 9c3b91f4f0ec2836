"""Makes the missing parts of a job, or streams its rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import chain, count, islice
from time import monotonic
from typing import IO

from fillmask.errors import InputError, JobError
from fillmask.files.inputs import Inputs, Position, UnparsedRow
from fillmask.files.limits import ErrorLimit, Shard
from fillmask.files.parts import Counts, PartFolder
from fillmask.files.rows import Place
from fillmask.files.runner import Runner
from fillmask.files.writers import RecordEncoder, encoding

_REPORT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class State:
    """How far a job is.

    Attributes:
        counts: What is written, the part under way included.
        made: Rows that this process ran.
        fraction: The part of the inputs that was read, from 0 to 1.
    """

    counts: Counts
    made: int
    fraction: float


@dataclass(slots=True)
class PartMaker:
    """A job under way.

    Attributes:
        runner: Runs the rows.
        format: Of the output.
        rows_per_part: Rows of a part.
        report: Receives the state a few times a second, or None.
        totals: What is written.
        missing: Parts of other shards that do not exist yet.
    """

    runner: Runner
    format: str
    rows_per_part: int
    report: Callable[[State], None] | None = None
    totals: Counts = field(default_factory=Counts)
    missing: int = 0
    _made: int = 0
    _reported: float = 0.0
    _position: Position = field(default_factory=Position)

    def make(self, folder: PartFolder, shard: Shard, limit: ErrorLimit) -> None:
        """Make the parts of a shard that are missing.

        Raises:
            JobError: The inputs cannot be read on, a part cannot be written, or too many rows have no result.
        """
        with closing(self._rows()) as rows:
            for index, part in enumerate(_parts(rows, self.rows_per_part)):
                self._make_part(folder, index, part, wanted=shard.has(index))
                deque(part, maxlen=0)  # the rows of a part that is not made are read over
                limit.check(self.totals)
        self._report(0.0)

    def make_at(self, folder: PartFolder, index: int, place: Place) -> Counts:
        """Make one part, if it is missing, from the row at a place on.

        Raises:
            JobError: The inputs cannot be read on, or the part cannot be written.
        """
        with closing(self.runner.layout.inputs.rows(self._position, place)) as rows:
            self._make_part(folder, index, islice(rows, self.rows_per_part), wanted=True)
        counts = folder.counts(index)
        if counts is None:
            raise JobError(f"{folder.part(index)} was removed while the job ran")
        return counts

    def report_fraction(self, fraction: float, made: int) -> None:
        """Report a job whose rows other processes run."""
        if self.report is not None:
            self.report(State(self.totals, made, fraction))

    def stream(self, file: IO[bytes], limit: ErrorLimit) -> None:
        """Write all rows to an open file, in the order and in the batches of the parts.

        Raises:
            JobError: The inputs cannot be read on, or too many rows have no result.
        """
        self._report(0.0)
        with closing(self._rows()) as rows, self._encoding(file) as encoder:
            for part in _parts(rows, self.rows_per_part):
                counts = Counts(parts=1)
                self._write(encoder, part, counts)
                file.flush()
                self.totals.add(counts)
                limit.check(self.totals)
        self._report(0.0)

    def _make_part(self, folder: PartFolder, index: int, rows: Iterator[UnparsedRow], *, wanted: bool) -> None:
        counts = folder.counts(index)
        if counts is None and not wanted:
            self.missing += 1
            return
        if counts is None:
            counts = Counts(parts=1)
            self._report(0.0)
            with folder.making(index, counts) as file, self._encoding(file) as encoder:
                self._write(encoder, rows, counts)
        self.totals.add(counts)

    def _write(self, encoder: RecordEncoder, rows: Iterable[UnparsedRow], counts: Counts) -> None:
        for row, outcome in self.runner.run(rows):
            encoder.write(self.runner.layout.shape(row, outcome))
            counts.rows += 1
            if isinstance(outcome, InputError):
                counts.errors += 1
            else:
                counts.warnings += bool(outcome.notices)
            self._made += 1
            self._report(_REPORT_SECONDS, counts)

    def _encoding(self, file: IO[bytes]) -> AbstractContextManager[RecordEncoder]:
        return encoding(self.format, file, self.runner.layout.columns())

    def _rows(self) -> Generator[UnparsedRow, None, None]:
        return self.runner.layout.inputs.rows(self._position)

    def _report(self, seconds: float, part: Counts | None = None) -> None:
        if self.report is None or monotonic() - self._reported < seconds:
            return
        counts = Counts()
        counts.add(self.totals)
        if part is not None:
            counts.add(part)
        self.report(State(counts, self._made, self._position.fraction(len(self.runner.layout.inputs.paths))))
        self._reported = monotonic()


def find_places(inputs: Inputs, rows_per_part: int) -> Iterator[Place]:
    """Read over the inputs, and give the place where each part begins.

    Raises:
        JobError: The inputs cannot be read on.
    """
    position, place, size = Position(), Place(), 0
    with closing(inputs.rows(position)) as rows:
        for _ in rows:
            size += 1
            if size == rows_per_part:
                yield place
                place, size = position.place(), 0
    if size or place == Place():
        yield place


def _parts(rows: Iterator[UnparsedRow], size: int) -> Iterator[Iterator[UnparsedRow]]:
    """The rows of each part; the next part follows when those before it are read. Without rows there is one part."""
    for index in count():
        first = list(islice(rows, 1))
        if not first and index:
            return
        yield chain(first, islice(rows, size - 1))
