"""The small models of ``tests/golden``, opened once."""

from functools import cache
from pathlib import Path

from fillmask import FillMask

FOLDER = Path(__file__).parents[1] / "golden"
FAMILIES = ["wordpiece", "wordpiece_cased", "bytelevel", "unigram"]


@cache
def golden(family: str) -> FillMask:
    """A model of a tokenizer family, on one thread."""
    return FillMask(FOLDER / family / "model", threads=1)
