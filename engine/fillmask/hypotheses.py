"""Searches for the tokens of several places of a text together.

Each search is a generator of reads, as a task is. A hypothesis is a choice of tokens with their log probabilities, each
given the tokens that were chosen before it. Three orders of choosing give different sums, which are not comparable.
Equal sums are ordered by the earlier parent, then by the lower token id.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fillmask.log_scoring import log_softmax_at
from fillmask.selection import top_k as select_top_k
from fillmask.tasks import Read, read_all

Allowed: TypeAlias = "bytes | None"
"""The tokens to choose from, ``int64[t]`` ascending, as bytes so that readings compare; None for all."""


class Hypothesis(NamedTuple):
    """Tokens at the places of a layout.

    Attributes:
        tokens: A token for each place, None where none was chosen yet.
        log_probs: Its log probability when it was chosen, in nats; 0 where none was.
    """

    tokens: tuple[int | None, ...]
    log_probs: tuple[float, ...]

    @property
    def log_prob(self) -> float:
        """The sum over the places."""
        return math.fsum(self.log_probs)

    def chosen(self, place: int, token: int, log_prob: float) -> Hypothesis:
        """The hypothesis with a token at one more place."""
        tokens, log_probs = list(self.tokens), list(self.log_probs)
        tokens[place], log_probs[place] = token, log_prob
        return Hypothesis(tuple(tokens), tuple(log_probs))


@dataclass(frozen=True, slots=True)
class Layout:
    """A text with masks at the places to fill.

    Attributes:
        input_ids: Its tokens, ``int64[s]``.
        places: The positions to fill, ascending.
        allowed: For each place the tokens that it takes.
        slots: For each slot its places, as indices into ``places``.
    """

    input_ids: NDArray[np.int64]
    places: tuple[int, ...]
    allowed: tuple[Allowed, ...]
    slots: tuple[range, ...]

    def empty(self) -> Hypothesis:
        """The hypothesis without tokens."""
        return Hypothesis((None,) * len(self.places), (0.0,) * len(self.places))

    def read(self, tokens: Sequence[int | None], places: Sequence[int], k: int) -> Read:
        """Read the k best tokens at some places, with the chosen tokens in the text and masks elsewhere."""
        input_ids = self.input_ids.copy()
        for place, token in zip(self.places, tokens, strict=True):
            if token is not None:
                input_ids[place] = token
        positions = np.array([self.places[place] for place in places], dtype=np.int64)
        reading = BestLogProbs(k, tuple(self.allowed[place] for place in places))
        return Read(input_ids, positions, reading, alone=True)


@dataclass(frozen=True, slots=True)
class BestLogProbs:
    """Reads the k best tokens of each position and their log probabilities.

    Attributes:
        k: Tokens per position, at most.
        allowed: For each position the tokens to choose from. The softmax is over the whole vocabulary.
    """

    k: int
    allowed: tuple[Allowed, ...]

    def __call__(self, logits: NDArray[np.float32]) -> list[list[tuple[int, float]]]:
        """Give ``(token, log_prob)`` in nats for each row of ``logits float32[m, V]``, best first."""
        return [self._best(row, allowed) for row, allowed in zip(logits, self.allowed, strict=True)]

    def _best(self, logits: NDArray[np.float32], allowed: Allowed) -> list[tuple[int, float]]:
        if allowed is None:
            ids = select_top_k(logits, min(self.k, logits.size))
        else:
            tokens = np.frombuffer(allowed, dtype=np.int64)
            ids = tokens[select_top_k(logits[tokens], min(self.k, tokens.size))]
        return list(zip(ids.tolist(), log_softmax_at(logits, ids).tolist(), strict=True))


Search: TypeAlias = Generator[list[Read], list[Any], list[Hypothesis]]
"""Yields rounds of reads, and returns hypotheses, best first."""


def independent(layout: Layout, width: int, count: int) -> Search:
    """Choose each token as if no other were chosen, in one row; ``width`` has no meaning."""
    del width
    empty, places = layout.empty(), range(len(layout.places))
    (found,) = yield from read_all([layout.read(empty.tokens, places, count)])
    hypotheses = [empty]
    for place, choices in enumerate(found):
        hypotheses = _best([parent.chosen(place, *choice) for parent in hypotheses for choice in choices], count)
    return hypotheses


def left(layout: Layout, width: int, count: int) -> Search:
    """Choose the tokens from left to right.

    Args:
        layout: The text.
        width: How many hypotheses go on after each place. With as many as there are tuples of the tokens before the
            last place, the result is exact.
        count: How many are returned, at most.
    """
    hypotheses, last = [layout.empty()], len(layout.places) - 1
    for place in range(len(layout.places)):
        most = max(width, count) if place == last else width
        found = yield from read_all(layout.read(parent.tokens, [place], most) for parent in hypotheses)
        children = zip(hypotheses, found, strict=True)
        hypotheses = _best([parent.chosen(place, *choice) for parent, (row,) in children for choice in row], most)
    return hypotheses[:count]


def confident(layout: Layout, width: int, count: int) -> Search:
    """Choose next the place whose best token has the highest probability; arguments as in ``left``."""
    hypotheses, last = [layout.empty()], len(layout.places) - 1
    for step in range(len(layout.places)):
        most = max(width, count) if step == last else width
        # All hypotheses of a step have equally many open places, so that their rows run together.
        opened = [[place for place, token in enumerate(each.tokens) if token is None] for each in hypotheses]
        rows = zip(hypotheses, opened, strict=True)
        found = yield from read_all(layout.read(parent.tokens, places, most) for parent, places in rows)
        children = []
        for parent, places, row in zip(hypotheses, opened, found, strict=True):
            index = max(range(len(places)), key=lambda each: row[each][0][1])
            children += [parent.chosen(places[index], *choice) for choice in row[index]]
        hypotheses = _best(children, most)
    return hypotheses[:count]


def refine(layout: Layout, hypotheses: Sequence[Hypothesis], sweeps: int) -> Search:
    """Mask each place in turn and choose its best token again, then score all hypotheses from left to right.

    A hypothesis is finished if a sweep gives tokens that it had before, or after ``sweeps`` sweeps.
    """
    chosen = [list(each.tokens) for each in hypotheses]
    seen = [{each.tokens} for each in hypotheses]
    going = list(range(len(chosen)))
    for _ in range(sweeps):
        for place in range(len(layout.places)):
            found = yield from read_all(
                layout.read([*chosen[each][:place], None, *chosen[each][place + 1 :]], [place], 1) for each in going
            )
            for each, ((best,),) in zip(going, found, strict=True):
                chosen[each][place] = best[0]
        going = [each for each in going if tuple(chosen[each]) not in seen[each]]
        for each in going:
            seen[each].add(tuple(chosen[each]))
    return (yield from _scored(layout, list(dict.fromkeys(map(tuple, chosen)))))


def _scored(layout: Layout, chosen: Sequence[tuple[int | None, ...]]) -> Search:
    """Score tokens from left to right, as ``left`` does."""
    places = range(len(layout.places))
    found = yield from read_all(_score_reads(layout, chosen))
    log_probs = [tuple(found[index * len(places) + place][0][0][1] for place in places) for index in range(len(chosen))]
    hypotheses = [Hypothesis(*each) for each in zip(chosen, log_probs, strict=True)]
    return _best(hypotheses, len(hypotheses))


def _score_reads(layout: Layout, chosen: Iterable[tuple[int | None, ...]]) -> Iterable[Read]:
    for tokens in chosen:
        for place, token in enumerate(tokens):
            masked = (*tokens[:place], *[None] * (len(tokens) - place))
            read = layout.read(masked, [place], 1)
            yield read._replace(reading=BestLogProbs(1, (np.array([token], dtype=np.int64).tobytes(),)))


def _best(hypotheses: Iterable[Hypothesis], count: int) -> list[Hypothesis]:
    """The best of some hypotheses; of those with equal tokens the first of the best."""
    ordered = sorted(hypotheses, key=lambda each: -each.log_prob)
    return list({each.tokens: each for each in reversed(ordered)}.values())[::-1][:count]
