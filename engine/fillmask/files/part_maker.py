"""Makes the missing parts of a job, or streams its rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import chain, count, islice
from time import monotonic
from typing import IO, TypeAlias

from fillmask.errors import InputError, JobError
from fillmask.files.inputs import Inputs, Position, UnparsedRow
from fillmask.files.limits import ErrorLimit, Shard
from fillmask.files.parts import Counts, PartFolder
from fillmask.files.records import Outcome
from fillmask.files.rows import Place, Row
from fillmask.files.runner import Runner
from fillmask.files.writers import RecordEncoder, encoding

_Run: TypeAlias = Iterator[tuple[Row, Outcome]]

_REPORT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class State:
    """How far a job is.

    Attributes:
        counts: What is written, the part under way included.
        made: Rows that this process ran; none also where it begins to, behind parts that are complete.
        fraction: The part of the inputs that was read, from 0 to 1.
    """

    counts: Counts
    made: int
    fraction: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """A part that the reading has come to: the counts that it has, None if there is no such part."""

    index: int
    counts: Counts | None
    wanted: bool

    @property
    def missing(self) -> bool:
        return self.counts is None and self.wanted


@dataclass(slots=True)
class PartMaker:
    """A job under way.

    Attributes:
        runner: Runs the rows.
        format: Of the output.
        rows_per_part: Rows of a part.
        report: Receives the state a few times a second, or None.
        totals: What is written.
        missing: Parts of other shards that did not exist when all parts of this one did, by their indices.
    """

    runner: Runner
    format: str
    rows_per_part: int
    report: Callable[[State], None] | None = None
    totals: Counts = field(default_factory=Counts)
    missing: list[int] = field(default_factory=list)
    _made: int = 0
    _reported: float = 0.0
    _position: Position = field(default_factory=Position)

    def make(self, folder: PartFolder, shard: Shard, limit: ErrorLimit) -> None:
        """Make the parts of a shard that are missing.

        Raises:
            JobError: The inputs cannot be read on, a part cannot be written, or too many rows have no result.
        """
        planned: deque[_Plan] = deque()
        self._report(0.0)
        with (
            closing(self._rows()) as rows,
            # One run for all parts: while one is written and flushed, the first rows of the next run.
            closing(self._run(self._missing_rows(rows, folder, shard, planned))) as run,
        ):
            for first in run:
                self._count_others(planned, limit)
                self._make_part(folder, planned.popleft().index, chain([first], islice(run, self.rows_per_part - 1)))
                limit.check(self.totals)
        self._count_others(planned, limit)
        if planned:  # inputs without rows
            self._make_part(folder, planned.popleft().index, iter(()))
        self._look_again(folder, limit)
        self._report(0.0)

    def make_at(self, folder: PartFolder, index: int, place: Place) -> Counts:
        """Make one part, if it is missing, from the row at a place on.

        Raises:
            JobError: The inputs cannot be read on, or the part cannot be written.
        """
        counts = folder.counts(index)
        if counts is not None:
            self.totals.add(counts)
            return counts
        with (
            closing(self.runner.layout.inputs.rows(self._position, place)) as rows,
            closing(self._run(islice(rows, self.rows_per_part))) as run,
        ):
            self._make_part(folder, index, run)
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
                with closing(self._run(part)) as run:
                    self._write(encoder, run, counts)
                file.flush()
                self.totals.add(counts)
                limit.check(self.totals)
        self._report(0.0)

    def _missing_rows(
        self, rows: Iterator[UnparsedRow], folder: PartFolder, shard: Shard, planned: deque[_Plan]
    ) -> Iterator[UnparsedRow | None]:
        """The rows of the parts to make; ``planned`` receives each part that its reading has come to.

        A None stands before each part that is only read over: the part before it is written first.
        """
        first = True
        for index, part in enumerate(_parts(rows, self.rows_per_part)):
            plan = _Plan(index, folder.counts(index), wanted=shard.has(index))
            planned.append(plan)
            if plan.missing:
                if first and index:  # the parts before it were only read over, which says nothing of the time left
                    self._report(0.0, *(each.counts for each in planned if each.counts is not None))
                first = False
                yield from part
            else:
                yield None
                deque(part, maxlen=0)

    def _count_others(self, planned: deque[_Plan], limit: ErrorLimit) -> None:
        """Count the parts before the next that is to be made."""
        while planned and not planned[0].missing:
            plan = planned.popleft()
            if plan.counts is None:
                self.missing.append(plan.index)
            else:
                self.totals.add(plan.counts)
                limit.check(self.totals)

    def _look_again(self, folder: PartFolder, limit: ErrorLimit) -> None:
        """Count the parts that other machines completed after the reading had passed them.

        Each machine looks after its own last part, so that the one that ends last finds all parts.
        """
        passed, self.missing = self.missing, []
        for index in passed:
            counts = folder.counts(index)
            if counts is None:
                self.missing.append(index)
            else:
                self.totals.add(counts)
        limit.check(self.totals)

    def _make_part(self, folder: PartFolder, index: int, run: _Run) -> None:
        counts = Counts(parts=1)
        with folder.making(index, counts) as file, self._encoding(file) as encoder:
            self._write(encoder, run, counts)
        self.totals.add(counts)

    def _run(self, rows: Iterable[UnparsedRow | None]) -> Generator[tuple[Row, Outcome], None, None]:
        return self.runner.run(rows, self.rows_per_part)

    def _write(self, encoder: RecordEncoder, run: _Run, counts: Counts) -> None:
        for row, outcome in run:
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

    def _report(self, seconds: float, *more: Counts) -> None:
        if self.report is None or monotonic() - self._reported < seconds:
            return
        counts = Counts()
        for each in (self.totals, *more):
            counts.add(each)
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
