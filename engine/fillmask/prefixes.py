"""The trie of candidates: which rows give the log probabilities of all their pieces, each row once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Node(NamedTuple):
    """A row to read.

    Attributes:
        pieces: Pieces at the slot.
        prefix: Those that are filled in, from the left; the others are masked.
        tokens: For each place that is read, from ``len(prefix)`` on, the tokens whose log probability is wanted there,
            ascending.
    """

    pieces: int
    prefix: tuple[int, ...]
    tokens: tuple[tuple[int, ...], ...]


def left_to_right(candidates: Iterable[tuple[int, ...]]) -> list[Node]:
    """Rows that read each piece behind the pieces before it, with the later ones masked.

    A row is a prefix of candidates with equally many pieces. So candidates of one piece share one row.

    Args:
        candidates: Token ids of each, at least one.

    Returns:
        The rows in a fixed order, each reading one place.
    """
    found: dict[tuple[int, tuple[int, ...]], set[int]] = {}
    for ids in candidates:
        for place, token in enumerate(ids):
            found.setdefault((len(ids), ids[:place]), set()).add(token)
    return [Node(*key, (tuple(sorted(tokens)),)) for key, tokens in sorted(found.items())]


def in_parallel(candidates: Iterable[tuple[int, ...]]) -> list[Node]:
    """Rows that read each piece with all pieces masked: one for each number of pieces, reading every place."""
    found: dict[int, list[set[int]]] = {}
    for ids in candidates:
        for place, tokens in enumerate(found.setdefault(len(ids), [set() for _ in ids])):
            tokens.add(ids[place])
    return [Node(pieces, (), tuple(tuple(sorted(each)) for each in places)) for pieces, places in sorted(found.items())]
