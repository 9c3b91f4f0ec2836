"""Fewer texts, drawn with a seed: ``python -m benchmarks.cloze.sampling FOLDER`` draws those in data/ again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from benchmarks.cloze.material import Material, read_archives, write_kept

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much to draw.

    Attributes:
        characters: Of each article, from its beginning, in whole paragraphs.
        facts: Of each relation.
        passages: Of all.
        pairs: Of each paradigm.
    """

    characters: int
    facts: int
    passages: int
    pairs: int


KEPT = Sizes(characters=3000, facts=40, passages=500, pairs=20)
LARGE = Sizes(characters=6000, facts=64, passages=2000, pairs=50)


def sample(material: Material, sizes: Sizes, seed: int = 0) -> Material:
    """Draw from every kind of text; the same texts each time."""
    rng = np.random.default_rng(seed)
    return Material(
        articles=[_beginning(article, sizes.characters) for article in material.articles],
        facts=_of_each(material.facts, lambda fact: fact.relation, sizes.facts, rng),
        passages=_some(material.passages, sizes.passages, rng),
        pairs=_of_each(material.pairs, lambda pair: pair.paradigm, sizes.pairs, rng),
    )


def _beginning(paragraphs: Sequence[str], characters: int) -> list[str]:
    lengths = np.cumsum([len(paragraph) for paragraph in paragraphs])
    return list(paragraphs[: int(np.searchsorted(lengths, characters)) + 1])


def _of_each(rows: Sequence[T], key: Callable[[T], str], count: int, rng: np.random.Generator) -> list[T]:
    return [row for _, group in groupby(rows, key) for row in _some(list(group), count, rng)]


def _some(rows: Sequence[T], count: int, rng: np.random.Generator) -> list[T]:
    drawn = rng.choice(len(rows), min(count, len(rows)), replace=False)
    return [rows[index] for index in sorted(drawn)]


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
def main(folder: Path) -> None:
    """Draw what is kept in data/ from the archives in FOLDER."""
    write_kept(sample(read_archives(folder), KEPT))


if __name__ == "__main__":
    main()
