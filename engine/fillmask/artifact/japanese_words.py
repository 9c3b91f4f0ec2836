"""Words of Japanese texts, which MeCab finds by a dictionary, as transformers' BertJapaneseTokenizer reads them.

tokenizer.json cannot hold code. So it holds what comes before and after the words, and ``japanese_words`` in
tokenizer_config.json names the dictionary.
"""

from __future__ import annotations

import unicodedata
from importlib import import_module
from threading import Lock
from typing import Any

from tokenizers import NormalizedString, PreTokenizedString, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer, Sequence

from fillmask.errors import ArtifactError, first_line
from fillmask.extras import lacks

# By the names of their Python packages.
DICTIONARIES = ("ipadic", "unidic_lite")


def set_words(tokenizer: Tokenizer, setting: object) -> None:
    """Let MeCab find the words of a tokenizer, in place, before its own pre-tokenizer splits them.

    Args:
        tokenizer: Whose normalizer, if it has one, is NFKC.
        setting: ``{"dictionary": one of DICTIONARIES, "lowercase": bool}``; None for a tokenizer without such words.

    Raises:
        ArtifactError: fugashi, which calls MeCab, or the dictionary is not installed or does not work.
        TypeError: The setting is another one.
    """
    match setting:
        case None:
            return
        case {"dictionary": str(dictionary), "lowercase": bool(lowercase), **rest} if not rest:
            known = dictionary in DICTIONARIES
        case _:
            known = False
    if not known:
        raise TypeError(
            f'japanese_words must be {{"dictionary": {" or ".join(DICTIONARIES)}, "lowercase": true or false}}, '
            f"got {setting!r}"
        )
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    words = _Words(_tagger(dictionary), normalizes=tokenizer.normalizer is not None)
    words.kept = special if lowercase else None
    after = [] if tokenizer.pre_tokenizer is None else [tokenizer.pre_tokenizer]
    tokenizer.pre_tokenizer = Sequence([PreTokenizer.custom(words), *after])


class _Words:
    """A pre-tokenizer for ``PreTokenizer.custom``.

    Args:
        tagger: Of fugashi.
        normalizes: Whether the tokenizer's normalizer is NFKC.

    Attributes:
        kept: Words that are not put into lower case; None if no word is.
    """

    def __init__(self, tagger: Any, *, normalizes: bool) -> None:  # noqa: ANN401 -- fugashi has no types
        self._tagger = tagger
        self._normalizes = normalizes
        self._lock = Lock()  # threads share the tagger, which keeps the last text that it has read
        self.kept: set[str] | None = None

    def pre_tokenize(self, text: PreTokenizedString) -> None:
        """Split a text into words, in place."""
        if self._normalizes:
            text.normalize(_complete)
        text.split(self._split)

    def _split(self, _index: int, text: NormalizedString) -> list[NormalizedString]:
        characters, end = text.normalized, 0
        words: list[NormalizedString] = []
        with self._lock:
            surfaces = [word.surface for word in self._tagger(characters)]
        for surface in surfaces:
            start = characters.index(surface, end)  # MeCab leaves out white space alone, with which no word begins
            end = start + len(surface)
            word = text[start:end]
            assert word is not None  # the place is in the text
            if self.kept is not None and surface not in self.kept:
                _lower(word, surface.lower())
            words.append(word)
        return words


def _complete(text: NormalizedString) -> None:
    """Complete NFKC by Python's tables: those of tokenizers lack U+32FF, the square of the era Reiwa, and more."""
    wanted = unicodedata.normalize("NFKC", text.normalized)
    if text.normalized == wanted:
        return
    for character in set(text.normalized):
        form = unicodedata.normalize("NFKC", character)
        if form != character:
            text.replace(character, form)
    if text.normalized != wanted:
        raise ValueError(
            f"tokenizers and Python, with Unicode {unicodedata.unidata_version}, normalize it (NFKC) differently"
        )


def _lower(word: NormalizedString, wanted: str) -> None:
    """Put a word into Python's lower case, which has another sigma at the end of a word."""
    word.lowercase()
    if word.normalized != wanted:
        characters = iter(wanted)
        word.map(lambda _: next(characters))


def _tagger(dictionary: str) -> Any:  # noqa: ANN401 -- fugashi has no types
    fugashi, folder = _load("fugashi"), _load(dictionary).DICDIR
    try:
        return fugashi.GenericTagger(f'-d "{folder}" -r "{folder}/mecabrc"')
    except RuntimeError as error:
        raise ArtifactError(f"MeCab does not open the dictionary in {folder}: {first_line(error)}") from error


def _load(package: str) -> Any:  # noqa: ANN401 -- neither fugashi nor a dictionary has types
    try:
        return import_module(package)
    except ImportError as error:
        name = package.replace("_", "-")
        raise ArtifactError(lacks("a tokenizer with Japanese words", name, "japanese")) from error
