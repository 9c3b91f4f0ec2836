"""Short texts and minimal pairs, on which a variant's pseudo-log-likelihoods are compared with those of fp32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fillmask_export.errors import ExportError
from fillmask_export.plan import Plan
from fillmask_export.probes import read_texts, tokenize_texts

Ids: TypeAlias = NDArray[np.int64]

LONGEST = 32  # tokens of a text: n tokens take n runs
_MOST = 64  # texts
_MOST_PAIRS = 500
_MASKS_PER_TEXT = 30  # fewer masks for the verification mean fewer texts here


@dataclass(frozen=True, slots=True)
class Sentences:
    """Texts and minimal pairs, as tokens.

    Attributes:
        texts: Each ``int64[s]``, special tokens included.
        places: For each text a place at random, where a made pair differs from it.
        pairs: Minimal pairs of the user, the better text first; empty if pairs are to be made.
        pairs_origin: Where the pairs come from, in words for the model card.
    """

    texts: list[Ids]
    places: list[int]
    pairs: list[tuple[Ids, Ids]]
    pairs_origin: str


def make_sentences(tokenizer: Any, plan: Plan, max_length: int) -> Sentences:  # noqa: ANN401
    """Draw texts from the plan's held-out ones, cut to 32 tokens, and read its pairs.

    Args:
        tokenizer: transformers' fast tokenizer.
        plan: Names the text files.
        max_length: Largest number of tokens that the model takes.

    Raises:
        ExportError: The file of pairs cannot be read, or a line is no pair.
    """
    rows, _ = tokenize_texts(tokenizer, plan.texts, min(LONGEST, max_length))
    rng, special = np.random.default_rng(0), np.array(tokenizer.all_special_ids)
    kept = [row for row in rows if not np.isin(row, special).all()]
    count = min(_MOST, max(2, plan.masks // _MASKS_PER_TEXT), len(kept))
    texts = [kept[index] for index in sorted(rng.choice(len(kept), count, replace=False))]
    places = [int(rng.choice(np.flatnonzero(~np.isin(text, special)))) for text in texts]
    if plan.pairs is None:
        return Sentences(texts, places, [], "a text, and the same text with one token replaced by the likeliest other")
    pairs = [(_ids(tokenizer, good, max_length), _ids(tokenizer, bad, max_length)) for good, bad in _read(plan.pairs)]
    drawn = sorted(rng.choice(len(pairs), min(_MOST_PAIRS, len(pairs)), replace=False))
    return Sentences(texts, places, [pairs[index] for index in drawn], f"the lines of {Path(plan.pairs).name}")


def replaced(text: Ids, place: int, token: int) -> Ids:
    """A text with another token at one place."""
    other = text.copy()
    other[place] = token
    return other


def _read(path: str | Path) -> list[Sequence[str]]:
    """Read a minimal pair from each line: the better text, a tab, the other text."""
    pairs: list[Sequence[str]] = []
    for number, line in enumerate(read_texts(path), start=1):
        pair = line.split("\t")
        if len(pair) != 2 or not all(text.strip() for text in pair):
            raise ExportError(f"{path}: text {number} is no minimal pair; a line has two texts with a tab between them")
        pairs.append(pair)
    return pairs


def _ids(tokenizer: Any, text: str, max_length: int) -> Ids:  # noqa: ANN401
    return np.array(tokenizer(text.strip(), truncation=True, max_length=max_length)["input_ids"], dtype=np.int64)
