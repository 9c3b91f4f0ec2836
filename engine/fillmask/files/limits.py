"""Which parts a process makes, and how many rows may be without a result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from fillmask.errors import InputError, JobError
from fillmask.files.parts import Counts

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)
_LIMIT = re.compile(r"(\d{1,15})|(\d{1,3}(?:\.\d{1,9})?)%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """Every ``of``-th part, from part ``number - 1`` on.

    Attributes:
        number: From 1 to ``of``.
        of: How many shards there are.
    """

    number: int = 1
    of: int = 1

    def has(self, part: int) -> bool:
        """Whether a part belongs to it."""
        return part % self.of == self.number - 1


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """How many rows may be without a result.

    Attributes:
        rows: At most so many; None for any number.
        percent: At most this share of the rows; None for any.
    """

    rows: int | None = None
    percent: Fraction | None = None

    def check(self, counts: Counts) -> None:
        """Stop a job after a part.

        Raises:
            JobError: There are more.
        """
        # Not in floats: 0.29 * 100 is less than 29.
        allowed = self.rows if self.percent is None else self.percent * counts.rows / 100
        if allowed is not None and counts.errors > allowed:
            limit = f"{self.rows}" if self.percent is None else f"{float(self.percent):g}%"
            raise JobError(f"{counts.errors} of {counts.rows} rows have no result, and {limit} are allowed; the "
                           f"column error says why")  # fmt: skip


def parse_shard(shard: str | None) -> Shard:
    """Parse ``"2/8"``; None is the whole job.

    Raises:
        InputError: It is no shard.
    """
    if shard is None:
        return Shard()
    match = _SHARD.fullmatch(shard)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"shard must be like '2/8', the second of eight, got {shard!r}")
    return Shard(int(match[1]), int(match[2]))


def parse_error_limit(limit: int | str | None) -> ErrorLimit:
    """Parse ``100`` rows or ``"1%"``; None is no limit.

    Raises:
        InputError: It is neither.
    """
    if limit is None:
        return ErrorLimit()
    match = None if isinstance(limit, bool) else _LIMIT.fullmatch(str(limit))
    if not match or (match[2] and float(match[2]) > 100):
        raise InputError(f"max_errors must be a number of rows or a share such as '1%', got {limit!r}")
    return ErrorLimit(rows=int(match[1])) if match[1] else ErrorLimit(percent=Fraction(match[2]))
