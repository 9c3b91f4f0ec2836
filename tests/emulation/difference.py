"""The difference between two machines' predictions for the same texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Scores = Mapping[str, float]
"""Scores by token, best first."""

_TOP_K = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """Predictions of two machines for the same texts.

    Attributes:
        texts: Number of texts.
        same_first: Texts with the same first token on both.
        max_score_difference: The largest difference of a score, among the five best tokens of any text.
        median_score_difference: The median over texts of each text's largest difference.
    """

    texts: int
    same_first: int
    max_score_difference: float
    median_score_difference: float


def compare(here: Sequence[Scores], there: Sequence[Scores]) -> Difference:
    """Compare predictions; a token that the other machine lacks counts with its whole score."""
    largest = sorted(_largest(one, other) for one, other in zip(here, there, strict=True))
    same = sum(next(iter(one)) == next(iter(other)) for one, other in zip(here, there, strict=True))
    return Difference(len(largest), same, largest[-1], largest[len(largest) // 2])


def _largest(here: Scores, there: Scores) -> float:
    return max(abs(score - there.get(token, 0.0)) for token, score in list(here.items())[:_TOP_K])
