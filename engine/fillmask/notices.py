"""Warnings as values: the steps return them, and the caller of the engine decides where they appear."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import NamedTuple


class Notice(NamedTuple):
    """Something that a caller should know about a result.

    Attributes:
        category: The warning's class.
        message: What happened, to what, and what was done instead.
    """

    category: type[Warning]
    message: str


def warn(notices: Iterable[Notice]) -> None:
    """Issue each notice as a warning that points at the line that called the package."""
    for notice in notices:
        warnings.warn(notice.message, notice.category, stacklevel=_caller_level())


def _caller_level() -> int:
    """The ``stacklevel`` that names the first frame outside this package, counted from ``warn``."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("fillmask."):
        frame, level = frame.f_back, level + 1
    return level
