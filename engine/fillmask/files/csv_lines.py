"""Lines of CSV with the same bytes on every version of Python."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Writer


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where ``csv.writer`` writes lines that end with CR LF.

    Attributes:
        put: Receives each line, which ends with LF.
    """

    put: Callable[[str], object]

    def write(self, line: str) -> None:
        """Write one line."""
        self.put(line[:-2] + "\n")


def csv_writer(put: Callable[[str], object], delimiter: str = ",") -> Writer:
    """Make a ``csv.writer`` whose lines end with LF, and which quotes every CR and LF in a field.

    Up to 3.10, 3.11.8 and 3.12.2 Python quotes those characters alone that its line end has (gh-67044). A bare CR would
    then end a line for every reader.
    """
    return csv.writer(_Lines(put), delimiter=delimiter, lineterminator="\r\n")
