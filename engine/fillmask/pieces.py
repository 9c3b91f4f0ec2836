"""The tokens of a vocabulary as pieces of words, and how a piece is written into a caller's text.

A vocabulary marks where words begin (``Ġ`` of byte-level tokens, ``▁`` of SentencePiece), or which pieces continue one
(``##`` of WordPiece). A vocabulary without such a mark, as one of amino acids, has pieces without boundaries.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer

# In the names of their characters. Between words of these scripts stands no space.
_WITHOUT_SPACES = (
    "CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR",
    "TIBETAN", "YI SYLLABLE", "JAVANESE", "BALINESE", "TAI LE", "NEW TAI LUE", "TAI THAM",
)  # fmt: skip
_UNUSED = re.compile(r"\[unused\d+\]|<unused\d+>|madeupword\d+")


class Boundary(NamedTuple):
    """How a vocabulary marks the boundaries of words.

    Attributes:
        mark: What the marked pieces begin with.
        begins: Whether a marked piece begins a word; otherwise it continues one.
    """

    mark: str
    begins: bool


class Pieces:
    """The tokens of a model as pieces of words.

    Args:
        tokenizer: The model's tokenizer.
        vocab_size: Tokens that the model scores.

    Attributes:
        boundary: How the vocabulary marks words, None if it does not.
    """

    def __init__(self, tokenizer: Tokenizer, vocab_size: int) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._added = {token_id: token.content for token_id, token in tokenizer.get_added_tokens_decoder().items()}
        self.boundary = boundary_of(tokenizer)
        self._byte_level = self.boundary is not None and self.boundary.mark == "Ġ"

    def is_marked(self, token: int) -> bool:
        """Whether a token has the mark of the vocabulary."""
        name = self._tokenizer.id_to_token(token)
        return bool(self.boundary and name and token not in self._added and name.startswith(self.boundary.mark))

    def begins_word(self, token: int) -> bool:
        """Whether a token begins a word by itself; without marks no token does."""
        return self.boundary is not None and self.is_marked(token) == self.boundary.begins

    def text(self, token: int) -> str:
        """A token without its mark. A part of a character reads as U+FFFD."""
        if self._byte_level and token not in self._added:
            return self._unmarked(self._tokenizer.decode([token], skip_special_tokens=False))
        return self._unmarked(self._added.get(token) or self._tokenizer.id_to_token(token) or "")

    def written(self, token: int, before: str) -> str:
        """What to write for a token behind a text.

        A space is added where a word begins glued to a word, but none in scripts without spaces.

        Example: behind ``"a red"`` the token ``cat`` is written ``" cat"``, and ``##dish`` is written ``"dish"``.
        """
        text = self.text(token)
        glued = self.begins_word(token) and text[:1].isalnum() and ends_in_word(text[0]) and ends_in_word(before)
        return f" {text}" if glued else text

    def joined(self, tokens: Sequence[int], before: str) -> str:
        """What to write for several tokens behind a text; parts of a character are read together."""
        if not self._byte_level or any(token in self._added for token in tokens):
            text = ""
            for token in tokens:
                text += self.written(token, before + text)
            return text
        text = self._unmarked(self._tokenizer.decode(list(tokens), skip_special_tokens=False))
        glued = self.begins_word(tokens[0]) and ends_in_word(text[:1]) and ends_in_word(before)
        return f" {text}" if glued else text

    def wants_mark(self, before: str, previous: int) -> bool:
        """Whether a word at a place of a text is written with the vocabulary's mark.

        Args:
            before: The text before the place.
            previous: The token before it. One that is the mark alone has taken the place of the space.
        """
        if self.boundary is None:
            return False
        if not self.boundary.begins:
            return ends_in_word(before)
        if previous == self._tokenizer.token_to_id(self.boundary.mark):
            return False
        return before[-1].isspace() if before else self._marks_start

    @property
    def continues_marked(self) -> bool:
        """Whether a piece that continues a word has the mark."""
        return self.boundary is not None and not self.boundary.begins

    def words(self, *, marked: bool) -> bytes:
        """Tokens of letters and digits, with or without the mark, as the bytes of ``int64[t]``, ascending.

        Special tokens, unused ones and parts of characters are left out. Without marks every other token counts.
        """
        return self._words[marked and self.boundary is not None]

    @cached_property
    def _words(self) -> tuple[bytes, bytes]:
        masks = np.zeros((2, self._vocab_size), dtype=np.bool_)
        for token, marked, text in self._vocabulary():
            masks[int(marked), token] = _is_word(text)
        unmarked, marks = (mask.nonzero()[0].astype(np.int64).tobytes() for mask in masks)
        return unmarked, marks

    def _vocabulary(self) -> Iterator[tuple[int, bool, str]]:
        """Each token that is not special: its id, whether it has the mark, and its text."""
        special = {token_id for token_id, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        names = {token: name for name, token in self._tokenizer.get_vocab().items() if token < self._vocab_size}
        ids = sorted(names.keys() - special)
        texts = [names[token] for token in ids]
        if self._byte_level:
            texts = self._tokenizer.decode_batch([[token] for token in ids])
        for token, text in zip(ids, texts, strict=True):
            marked = self.boundary is not None and token not in self._added
            marked = marked and names[token].startswith(self.boundary.mark)  # type: ignore[union-attr]
            yield token, marked, self._unmarked(text)

    @cached_property
    def _marks_start(self) -> bool:
        tokens = self._tokenizer.encode("a", add_special_tokens=False).ids
        return bool(tokens) and self.is_marked(tokens[0])

    def _unmarked(self, text: str) -> str:
        if self.boundary is None:
            return text
        mark = " " if self._byte_level else self.boundary.mark
        text = text.removeprefix(mark)
        return text.replace(mark, " ") if self.boundary.begins else text


def boundary_of(tokenizer: Tokenizer) -> Boundary | None:
    """Find how a vocabulary marks words, from the parts of its tokenizer."""
    kinds = dict(_parts(tokenizer.decoder))
    if "WordPiece" in kinds:  # before the pre-tokenizer is asked: beside this decoder it may be code without settings
        return Boundary(kinds["WordPiece"].get("prefix") or "##", begins=False)
    kinds |= _parts(tokenizer.pre_tokenizer)
    if "ByteLevel" in kinds:
        return Boundary("Ġ", begins=True)
    if "Metaspace" in kinds:
        return Boundary(kinds["Metaspace"].get("replacement") or "▁", begins=True)
    # A decoder of Llama's kind replaces the mark without naming it.
    to_space = kinds.get("Replace", {}).get("content") == " "
    return Boundary("▁", begins=True) if to_space and tokenizer.token_to_id("▁") is not None else None


def _parts(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 -- tokenizers has no types
    """The settings of a part of a tokenizer, or of those that it is a sequence of, by their type."""
    waiting = [] if part is None else [json.loads(part.__getstate__())]
    while waiting:
        settings = waiting.pop()
        waiting += settings.get("decoders", []) + settings.get("pretokenizers", [])
        yield settings["type"], settings


def ends_in_word(text: str) -> bool:
    """Whether a text ends in a letter or digit of a script that puts spaces between words."""
    base = next((character for character in reversed(text) if not unicodedata.category(character).startswith("M")), "")
    return base.isalnum() and not unicodedata.name(base, "").startswith(_WITHOUT_SPACES)


def _is_word(text: str) -> bool:
    if not text or _UNUSED.fullmatch(text):
        return False
    marks = sum(unicodedata.category(character).startswith("M") for character in text)
    return marks < len(text) and all(each.isalnum() or unicodedata.category(each).startswith("M") for each in text)
