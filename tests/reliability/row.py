"""A row of the scorecard: a question, what counts as passed, and the number that was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured.

    Attributes:
        area: What it is about.
        test: What was done.
        criterion: What counts as passed.
        figure: What came of it.
        passed: Whether that is within the criterion.
    """

    area: str
    test: str
    criterion: str
    figure: str
    passed: bool


@dataclass(frozen=True)
class Scale:
    """How much is done: 1 for the scorecard, a fraction of it to see that the rows work."""

    share: float = 1.0

    def seconds(self, full: float, least: float = 1.0) -> float:
        return max(least, full * self.share)

    def count(self, full: int, least: int = 1) -> int:
        return max(least, int(full * self.share))


Measure = Callable[[Scale], list[Row]]
