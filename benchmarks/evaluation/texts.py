"""The texts that a model is evaluated on, as ``data/`` keeps them; ``archives`` reads the whole data sets."""

from __future__ import annotations

import json
import lzma
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Fact:
    """A subject and an object in a relation.

    Attributes:
        relation: Wikidata's name of it, such as P36.
        template: A sentence with [X] for the subject and [Y] for the object.
        subject: Replaces [X].
        object: The word that [Y] stands for.
    """

    relation: str
    template: str
    subject: str
    object: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage without its last word, and that word."""

    text: str
    word: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sentences that differ in one point of grammar; only ``good`` is grammatical."""

    paradigm: str
    good: str
    bad: str


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of all tasks.

    Attributes:
        articles: Paragraphs of running text, by article; ``<unk>`` stands for an unknown word.
        facts: Of all relations, one relation after the other.
        passages: With their last words.
        pairs: Of all paradigms, one paradigm after the other.
    """

    articles: list[list[str]]
    facts: list[Fact]
    passages: list[Passage]
    pairs: list[Pair]


def read_kept(folder: Path = KEPT) -> Texts:
    """Read the files that ``write_kept`` wrote, and fillmask's own facts."""
    relations = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return Texts(
        articles=_unpack(folder, "articles"),
        facts=[
            Fact(name, relation["template"], subject, word)
            for name, relation in relations.items()
            for subject, word in relation["facts"].items()
        ],
        passages=[Passage(**row) for row in _unpack(folder, "passages")],
        pairs=[Pair(**row) for row in _unpack(folder, "pairs")],
    )


def write_kept(texts: Texts, folder: Path = KEPT) -> None:
    """Write one file for each kind of text except the facts."""
    for name, rows in asdict(texts).items():
        if name != "facts":
            content = json.dumps(rows, ensure_ascii=False, indent=0).encode()
            (folder / f"{name}.json.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def _unpack(folder: Path, name: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(lzma.decompress((folder / f"{name}.json.xz").read_bytes()))
