"""The data sets' archives, and a seeded sample of them: ``python -m benchmarks.evaluation.archives FOLDER``.

The command draws the texts of ``data/`` again.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from benchmarks.evaluation.texts import Fact, Pair, Passage, Texts, write_kept

T = TypeVar("T")
_ARCHIVES = ("wikitext2", "pararel", "lambada", "blimp")
_TITLE = re.compile(r"= [^=]+ =")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many texts a sample has.

    Attributes:
        characters: Of each article, from its beginning, in whole paragraphs.
        facts: Of each relation.
        passages: In all.
        pairs: Of each paradigm.
    """

    characters: int
    facts: int
    passages: int
    pairs: int


KEPT = Sizes(characters=3000, facts=40, passages=500, pairs=20)
LARGE = Sizes(characters=6000, facts=64, passages=2000, pairs=50)


def read_archives(folder: Path) -> Texts:
    """Read the data sets' archives, ``wikitext2.tar.xz`` and so on."""
    files = {name: dict(_members(folder / f"{name}.tar.xz")) for name in _ARCHIVES}
    return Texts(
        articles=list(_articles(files["wikitext2"]["test.txt"])),
        facts=list(_facts(files["pararel"])),
        passages=[_passage(row["text"]) for row in _rows(files["lambada"]["lambada_test.jsonl"])],
        pairs=[
            Pair(row["UID"], row["sentence_good"], row["sentence_bad"])
            for name in sorted(files["blimp"])
            if name.endswith(".jsonl")
            for row in _rows(files["blimp"][name])
        ],
    )


def sample(texts: Texts, sizes: Sizes, seed: int = 0) -> Texts:
    """Draw from every kind of text; one seed always gives the same texts."""
    rng = np.random.default_rng(seed)
    return Texts(
        articles=[_beginning(article, sizes.characters) for article in texts.articles],
        facts=_of_each(texts.facts, lambda fact: fact.relation, sizes.facts, rng),
        passages=_some(texts.passages, sizes.passages, rng),
        pairs=_of_each(texts.pairs, lambda pair: pair.paradigm, sizes.pairs, rng),
    )


def detokenize(text: str) -> str:
    """Undo WikiText's tokenization of a paragraph.

    Example: ``detokenize('a " guest @-@ star " , he said')`` is ``'a "guest-star", he said'``.
    """
    text = re.sub(r" @(.)@ ", r"\1", text.strip())
    text = re.sub(r'" ([^"]*?) "', r'"\1"', text)
    text = re.sub(r" ([.,;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[$£]) ", r"\1", text)
    return re.sub(r" '(s|t|re|ve|ll|d|m)\b", r"'\1", text)


def _articles(text: str) -> Iterator[list[str]]:
    paragraphs: list[str] = []
    before = ""
    for line in map(str.strip, text.splitlines()):
        if not before and _TITLE.fullmatch(line):  # directly below another line it is a formula
            if paragraphs:
                yield paragraphs
            paragraphs = []
        elif line and not line.startswith("= "):
            paragraphs.append(detokenize(line))
        before = line
    yield paragraphs


def _facts(files: dict[str, str]) -> Iterator[Fact]:
    """The facts of every relation that has templates, in its first template."""
    for name in sorted(name for name in files if "/trex_lms_vocab/" in f"/{name}"):
        patterns = files.get(name.replace("trex_lms_vocab", "pattern_data/graphs_json"))
        if patterns is not None:
            template, relation = next(_rows(patterns))["pattern"], Path(name).stem
            for row in _rows(files[name]):
                yield Fact(relation, template, row["sub_label"], row["obj_label"])


def _passage(text: str) -> Passage:
    before, _, word = text.rstrip().rpartition(" ")
    return Passage(before, word)


def _rows(content: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in content.splitlines() if line.strip())


def _members(path: Path) -> Iterator[tuple[str, str]]:
    """An archive's files and their text, by name without the top folder."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name.removeprefix("./").partition("/")[2], file.read().decode("utf-8", errors="replace")


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
    """Draw the texts of data/ from the archives in FOLDER."""
    write_kept(sample(read_archives(folder), KEPT))


if __name__ == "__main__":
    main()
