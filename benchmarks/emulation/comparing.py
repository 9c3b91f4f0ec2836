"""How far one machine's answers are from another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Answer = Mapping[str, float]
"""Scores by token, the best first."""

_BEST = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Answers of two machines to the same texts.

    Attributes:
        texts: How many.
        same_first: How many have the same first token.
        max_score_difference: The largest difference of a score, of the five best tokens of any text.
        median_score_difference: The median over texts of each text's largest.
    """

    texts: int
    same_first: int
    max_score_difference: float
    median_score_difference: float


def compare(here: Sequence[Answer], there: Sequence[Answer]) -> Difference:
    """Compare answers; a token that is not among those of the other machine counts with its whole score."""
    largest = sorted(_largest(one, other) for one, other in zip(here, there, strict=True))
    same = sum(next(iter(one)) == next(iter(other)) for one, other in zip(here, there, strict=True))
    return Difference(len(largest), same, largest[-1], largest[len(largest) // 2])


def _largest(here: Answer, there: Answer) -> float:
    return max(abs(score - there.get(token, 0.0)) for token, score in list(here.items())[:_BEST])
