"""A row of the scorecard: a test, its criterion, and the measured figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """The outcome of one test.

    Attributes:
        area: ``"load"``, ``"faults"``, ``"inputs"``, …
        test: Its description.
        criterion: The bound that it must keep.
        figure: The measured value.
        passed: Whether the figure keeps the bound.
    """

    area: str
    test: str
    criterion: str
    figure: str
    passed: bool


@dataclass(frozen=True)
class Scale:
    """The amount of work: 1 for the scorecard, a fraction for the test suite."""

    share: float = 1.0

    def seconds(self, full: float, least: float = 1.0) -> float:
        return max(least, full * self.share)

    def count(self, full: int, least: int = 1) -> int:
        return max(least, int(full * self.share))


Measure = Callable[[Scale], list[Row]]
"""Runs one part of the scorecard."""
