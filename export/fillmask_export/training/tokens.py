"""Texts as token ids on disk: tokenized once, then mapped into memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fillmask.cli.bar import bar
from fillmask_export.training.errors import TrainingError
from fillmask_export.training.texts import SENTENCE_ENDS, Document

_DOCUMENTS_A_TIME = 256


@dataclass(frozen=True, slots=True)
class Tokens:
    """Documents, cut into sentences, as token ids without special tokens.

    Attributes:
        ids: ``uint32[tokens]``, the ids of all sentences in order, mapped from disk.
        lengths: ``int64[sentences]``, in tokens.
        documents: ``int64[sentences]``, the document of each sentence.
        paragraphs: ``bool[sentences]``, whether the sentence begins a paragraph.
        hashes: ``uint64[documents]``, of each document's text: equal texts have equal hashes.
    """

    ids: NDArray[np.uint32]
    lengths: NDArray[np.int64]
    documents: NDArray[np.int64]
    paragraphs: NDArray[np.bool_]
    hashes: NDArray[np.uint64]


def write_tokens(folder: Path, texts: Iterable[Document], tokenizer: Any, *, longest: int) -> None:  # noqa: ANN401
    """Tokenize documents into a folder.

    Args:
        folder: Receives the files.
        texts: The documents.
        tokenizer: A fast tokenizer of transformers.
        longest: Tokens of the longest sentence; longer ones are split.
    """
    writer = _Writer(longest)
    remaining = iter(texts)
    with (folder / "ids.bin").open("wb") as out, bar("reading", None, "tokens") as shown:
        while chunk := list(islice(remaining, _DOCUMENTS_A_TIME)):
            shown.update(writer.write(out, chunk, tokenizer.backend_tokenizer))
    if not writer.lengths:
        raise TrainingError("the files hold no text")
    writer.save(folder / "sentences.npz")


def read_tokens(folder: Path) -> Tokens:
    """Open the files of ``write_tokens``.

    Raises:
        ValueError: They do not belong together, or one is damaged; zipfile and numpy raise other errors too.
    """
    ids = np.memmap(folder / "ids.bin", dtype=np.uint32, mode="r")
    with (folder / "sentences.npz").open("rb") as file, np.load(file) as arrays:
        tokens = Tokens(ids, **arrays)
    if tokens.lengths.sum() != ids.size or not len(tokens.lengths) == len(tokens.documents) == len(tokens.paragraphs):
        raise ValueError(f"ids.bin has {ids.size} tokens, and sentences.npz lists {tokens.lengths.sum()}")
    return tokens


class _Writer:
    """Collects the attributes of sentences while their ids are written."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.lengths = array("q")
        self.documents = array("q")
        self.paragraphs = array("b")
        self.hashes = array("Q")

    def write(self, out: BinaryIO, texts: list[Document], tokenizer: Any) -> int:  # noqa: ANN401
        """Append documents; returns their number of tokens."""
        sentences: list[str] = []
        starts: list[tuple[int, bool]] = []
        for text in texts:
            for sentence, begins in _sentences(text):
                sentences.append(sentence)
                starts.append((len(self.hashes), begins))
            self.hashes.append(int.from_bytes(blake2b("\n".join(text).encode(), digest_size=8).digest(), "little"))
        encodings = tokenizer.encode_batch_fast(sentences, add_special_tokens=False)
        return sum(self._append(out, encoding.ids, *start) for encoding, start in zip(encodings, starts, strict=True))

    def _append(self, out: BinaryIO, ids: list[int], document: int, begins: bool) -> int:
        for start in range(0, len(ids), self.longest):
            piece = ids[start : start + self.longest]
            out.write(array("I", piece).tobytes())
            self.lengths.append(len(piece))
            self.documents.append(document)
            self.paragraphs.append(begins and not start)
        return len(ids)

    def save(self, path: Path) -> None:
        np.savez(
            path,
            lengths=np.array(self.lengths, np.int64),
            documents=np.array(self.documents, np.int64),
            paragraphs=np.array(self.paragraphs, np.bool_),
            hashes=np.array(self.hashes, np.uint64),
        )


def _sentences(document: Document) -> Iterator[tuple[str, bool]]:
    """Each sentence, and whether it begins a paragraph."""
    for number, paragraph in enumerate(document):
        for index, sentence in enumerate(SENTENCE_ENDS.split(paragraph)):
            yield (" " + sentence if number and not index else sentence), not index
