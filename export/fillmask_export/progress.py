"""The progress of a long step, on a terminal alone: counts, speed and time left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm  # type: ignore[import-untyped]

_T = TypeVar("_T")


def track(items: Sequence[_T], what: str, unit: str = "texts") -> Iterator[_T]:
    """Yield items. If standard error is a terminal, a bar shows how many are done and the time left.

    Args:
        items: What the step goes through.
        what: The step, in words.
        unit: What the items are.
    """
    yield from tqdm(items, desc=what, unit=f" {unit}", disable=None, leave=False, dynamic_ncols=True)
