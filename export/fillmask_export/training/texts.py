"""Documents from text files: plain, xz, or JSON lines."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from fillmask_export.training.errors import TrainingError

SUFFIXES = (".txt", ".txt.xz", ".jsonl", ".jsonl.xz")

# Zero-width, so that the space stays with the next sentence: for byte-level tokenizers it is part of the word.
SENTENCE_ENDS = re.compile(r"(?<=[.!?…])(?=\s)|(?<=[.!?…][\"'”’»)])(?=\s)|(?<=[。！？])")

_SPACES = re.compile(r"\s+")

# Characters. A book is split into parts of about this size, to be shuffled and held out like other texts.
_PART = 10_000

_SURROGATE = re.compile("[\ud800-\udfff]")

Document = list[str]
"""Paragraphs; none is empty."""


def documents(files: Iterable[Path], field: str) -> Iterator[Document]:
    """Read the documents of files in order.

    Args:
        files: Plain text has a paragraph a line and empty lines between documents. JSONL has a document a line.
        field: The field of the text in a line of JSONL.

    Raises:
        TrainingError: A file is of another kind, or a line of it cannot be read.
    """
    for file in files:
        jsonl = kind(file).startswith(".jsonl")
        with _open(file) as lines:
            for document in _records(lines, file, field) if jsonl else _blocks(lines, file):
                yield from _parts(document)


def kind(file: Path) -> str:
    """The suffix of a file, one of ``SUFFIXES``.

    Raises:
        TrainingError: It has another suffix.
    """
    for suffix in SUFFIXES:
        if file.name.endswith(suffix):
            return suffix
    raise TrainingError(f"{file} is of an unknown kind; texts are read from files named *{', *'.join(SUFFIXES)}")


def _open(file: Path) -> TextIO:
    if file.suffix == ".xz":
        return lzma.open(file, "rt", encoding="utf-8-sig")
    return file.open(encoding="utf-8-sig")


def _lines(stream: TextIO, file: Path) -> Iterator[str]:
    """The stripped lines of a stream; a decoding error names the file and the last line that could be read."""
    number = 0
    try:
        for number, line in enumerate(stream, 1):  # noqa: B007 -- for the error
            yield line.strip()
    except (UnicodeDecodeError, lzma.LZMAError, EOFError) as error:
        raise TrainingError(f"{file} cannot be read as UTF-8 text, somewhere after line {number}: {error}") from error


def _blocks(stream: TextIO, file: Path) -> Iterator[Document]:
    block: Document = []
    for line in _lines(stream, file):
        if line:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _records(stream: TextIO, file: Path, field: str) -> Iterator[Document]:
    for number, line in enumerate(_lines(stream, file), 1):
        if line:
            yield _paragraphs(_text(line, f"{file}, line {number}", field))


def _text(line: str, where: str, field: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:  # numbers of 5000 digits are a ValueError, deep nesting the other
        raise TrainingError(f"{where} is not JSON that can be read: {error}") from error
    text = record.get(field) if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise TrainingError(f"{where} has no text in the field {field!r}; --field names the field to read")
    if (found := _SURROGATE.search(text)) is not None:
        raise TrainingError(
            f"{where} has a lone surrogate, \\u{ord(found[0]):04x}, in the field {field!r}, which is no character; "
            f"replace it"
        )
    return text


def _paragraphs(text: str) -> Document:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _parts(document: Document) -> Iterator[Document]:
    part: Document = []
    size = 0
    for paragraph in document:
        for piece in _pieces(paragraph):
            if size > _PART:
                yield part
                part, size = [], 0
            part.append(piece)
            size += len(piece)
    if part:
        yield part


def _pieces(paragraph: str) -> Iterator[str]:
    """A paragraph in pieces of at most ``_PART`` characters, none of them empty: a file without line ends is one."""
    start = 0
    while len(paragraph) - start > _PART:
        end = start + _last_end(paragraph[start : start + _PART])
        if piece := paragraph[start:end].strip():
            yield piece
        start = end
    if piece := paragraph[start:].strip():
        yield piece


def _last_end(window: str) -> int:
    """Where the last whole sentence of a window ends, else its last whole word, else the window."""
    for ends in (SENTENCE_ENDS, _SPACES):
        if found := [match.end() for match in ends.finditer(window)]:
            return found[-1]
    return len(window)
