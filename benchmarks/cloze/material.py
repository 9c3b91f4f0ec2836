"""The texts: all of the data sets from their archives, or those that are kept in data/."""

from __future__ import annotations

import json
import lzma
import re
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parent / "data"
_ARCHIVES = ("wikitext2", "pararel", "lambada", "blimp")
_ARTICLE = re.compile(r"= [^=]+ =")


@dataclass(frozen=True, slots=True)
class Fact:
    """A subject and an object in a relation.

    Attributes:
        relation: Wikidata's name of it, such as P36.
        template: A sentence with [X] for the subject and [Y] for the object.
        subject: What stands for [X].
        object: The word behind [Y].
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
    """Two sentences, of which only the first is English."""

    paradigm: str
    good: str
    bad: str


@dataclass(frozen=True, slots=True)
class Material:
    """What a model is asked.

    Attributes:
        articles: Paragraphs of running text, by article; ``<unk>`` is a word that is not known.
        facts: Of all relations.
        passages: With their last words.
        pairs: Of all paradigms.
    """

    articles: list[list[str]]
    facts: list[Fact]
    passages: list[Passage]
    pairs: list[Pair]


def read_archives(folder: Path) -> Material:
    """Read the data sets' archives, ``wikitext2.tar.xz`` and so on."""
    files = {name: dict(_members(folder / f"{name}.tar.xz")) for name in _ARCHIVES}
    return Material(
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


def read_kept(folder: Path = KEPT) -> Material:
    """Read what ``write_kept`` wrote, and the facts, which are our own."""
    relations = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return Material(
        articles=_unpack(folder, "articles"),
        facts=[
            Fact(name, relation["template"], subject, word)
            for name, relation in relations.items()
            for subject, word in relation["facts"].items()
        ],
        passages=[Passage(**row) for row in _unpack(folder, "passages")],
        pairs=[Pair(**row) for row in _unpack(folder, "pairs")],
    )


def write_kept(material: Material, folder: Path = KEPT) -> None:
    """Write a file for each kind of text but the facts."""
    for name, rows in asdict(material).items():
        if name != "facts":
            content = json.dumps(rows, ensure_ascii=False, indent=0).encode()
            (folder / f"{name}.json.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def _unpack(folder: Path, name: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(lzma.decompress((folder / f"{name}.json.xz").read_bytes()))


def detokenize(text: str) -> str:
    """Undo what WikiText's tokenizer did to a paragraph.

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
        if not before and _ARTICLE.fullmatch(line):  # with a line before it, it is a formula
            if paragraphs:
                yield paragraphs
            paragraphs = []
        elif line and not line.startswith("= "):
            paragraphs.append(detokenize(line))
        before = line
    yield paragraphs


def _facts(files: dict[str, str]) -> Iterator[Fact]:
    """The facts of every relation that has templates, in the first of these."""
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
    """Files of an archive and their text, named without its top folder."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name.removeprefix("./").partition("/")[2], file.read().decode("utf-8", errors="replace")
