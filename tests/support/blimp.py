"""Sentences of BLiMP that golden scores were made for."""

from __future__ import annotations

from itertools import groupby

from benchmarks.evaluation.texts import read_pairs

_PAIRS = 4  # of each of the 67 paradigms
# The golden models take 64 tokens, and none of their tokenizers makes more tokens than characters and two.
_LONGEST = 61


def sentences() -> list[str]:
    """496 sentences: up to four short pairs of each paradigm, the grammatical sentence first."""
    short = (pair for pair in read_pairs() if max(len(pair.good), len(pair.bad)) <= _LONGEST)
    paradigms = [list(pairs)[:_PAIRS] for _, pairs in groupby(short, key=lambda pair: pair.paradigm)]
    return [text for pairs in paradigms for pair in pairs for text in (pair.good, pair.bad)]
