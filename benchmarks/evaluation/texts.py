"""The texts that a model is evaluated on, as ``data/`` keeps them."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).parent / "data"


class Fact(NamedTuple):
    """A relation as Wikidata names it, a sentence of it with [X] and [Y], the subject [X] and the object [Y]."""

    relation: str
    template: str
    subject: str
    object: str


class Passage(NamedTuple):
    """A passage without its last word, and that word."""

    text: str
    word: str


class Pair(NamedTuple):
    """Two sentences that differ in one point of grammar; only ``good`` is grammatical."""

    paradigm: str
    good: str
    bad: str


def read_articles() -> list[list[str]]:
    """Paragraphs of running text, by article; ``<unk>`` stands for an unknown word."""
    articles: list[list[str]] = _unpack("articles")
    return articles


def read_facts() -> list[Fact]:
    """The facts of all relations, one relation after the other."""
    relations = json.loads((DATA / "facts.json").read_text(encoding="utf-8"))
    return [
        Fact(name, relation["template"], subject, word)
        for name, relation in relations.items()
        for subject, word in relation["facts"].items()
    ]


def read_passages() -> list[Passage]:
    """Passages with their last words."""
    return [Passage(**row) for row in _unpack("passages")]


def read_pairs() -> list[Pair]:
    """The pairs of all paradigms, one paradigm after the other."""
    return [Pair(**row) for row in _unpack("pairs")]


def _unpack(name: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(lzma.decompress((DATA / f"{name}.json.xz").read_bytes()))
