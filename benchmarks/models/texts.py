"""Texts with one mask each: of an exact number of tokens, of the lengths of sentences, and real ones for accuracy."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.models.folders import ModelFolders, open_tokenizer

_CANDIDATES = 4000
_SHORTEST, _LONGEST = 8, 256
_MEDIAN, _SPREAD = 24, 0.7
_LONGEST_MASKED = 128


class MaskedText(NamedTuple):
    """A text with a mask, and the token that the mask replaced; None where it replaced none."""

    text: str
    label: int | None


class Writer:
    """Writes texts of words that are one token each, so that lengths are exact. Their content does not change times.

    Args:
        artifact: The model's folder.
        mask_token: As its manifest names it.
    """

    def __init__(self, artifact: Path, mask_token: str) -> None:
        self._tokenizer = open_tokenizer(artifact)
        self._mask = mask_token
        self._special = self.count(mask_token) - 1
        self._words = self._find_words()

    @classmethod
    def of(cls, folders: ModelFolders) -> Writer:
        """The writer of a model."""
        return cls(folders.artifact, folders.manifest["mask_token"])

    def count(self, text: str) -> int:
        """Tokens of a text, the special ones included."""
        return len(self._tokenizer.encode(text).ids)

    def write(self, tokens: int, number: int, seed: int = 0) -> list[str]:
        """Texts of exactly so many tokens, no two alike, the mask anywhere in them.

        Raises:
            ValueError: The tokenizer joins words, so that no such text can be made of them.
        """
        rng = random.Random(f"{tokens} {seed}")  # noqa: S311 -- no secret
        return [self._write(tokens, rng) for _ in range(number)]

    def mix(self, number: int, seed: int = 0) -> list[str]:
        """Texts of the lengths of ``lengths``, one each, in the order they come."""
        return [self.write(tokens, 1, seed + index)[0] for index, tokens in enumerate(lengths(number, seed))]

    def _write(self, tokens: int, rng: random.Random) -> str:
        words = rng.choices(self._words, k=tokens - self._special)
        words[rng.randrange(len(words))] = self._mask
        text = " ".join(words)
        if (count := self.count(text)) != tokens:
            raise ValueError(f"a text of {tokens} tokens was wanted, the tokenizer makes {count} of {text!r}")
        return text

    def _find_words(self) -> Sequence[str]:
        """Words that are one token wherever they stand."""
        ids = list(range(self._tokenizer.get_vocab_size()))
        random.Random(0).shuffle(ids)  # noqa: S311 -- no secret
        found: list[str] = []
        for token in ids:
            word = self._tokenizer.decode([token])
            if word.isascii() and word.isalpha() and self.count(f"{word} {word}") == 2 + self._special:
                found.append(word)
            if len(found) == _CANDIDATES:
                break
        return sorted(found)


def lengths(number: int, seed: int = 0) -> list[int]:
    """Lengths of sentences in tokens: log-normal, half of them below 24, one in twenty above 76."""
    drawn = np.random.default_rng(seed).lognormal(np.log(_MEDIAN), _SPREAD, number)
    return [int(each) for each in np.clip(np.rint(drawn), _SHORTEST, _LONGEST)]


def make_masked_texts(folders: ModelFolders, number: int) -> list[MaskedText]:
    """So many masked words of real sentences, or as many as there are words of one token.

    A model of random weights gets texts of random words.
    """
    if not folders.trained:
        return [MaskedText(text, None) for text in Writer.of(folders).mix(number)]
    from fillmask_export.probes import read_texts

    tokenizer, mask = open_tokenizer(folders.artifact), folders.manifest["mask_token"]
    masked = [each for text in read_texts(folders.texts) for each in mask_words(tokenizer, text, mask)]
    random.Random(0).shuffle(masked)  # noqa: S311 -- no secret
    return masked[:number]


def mask_words(tokenizer: Any, text: str, mask: str) -> list[MaskedText]:  # noqa: ANN401
    """One masked text for each word that is one token."""
    ids, words, mask_id = tokenizer.encode(text).ids, text.split(), tokenizer.token_to_id(mask)
    found = []
    for place in range(len(words)):
        masked = " ".join([*words[:place], mask, *words[place + 1 :]])
        masked_ids = tokenizer.encode(masked).ids
        if len(masked_ids) == len(ids) <= _LONGEST_MASKED:
            found.append(MaskedText(masked, ids[masked_ids.index(mask_id)]))
    return found
