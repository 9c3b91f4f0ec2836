"""Texts of an exact number of tokens with one mask each, and a mix of the lengths of sentences."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.models.folders import ModelFolders, open_tokenizer

_CANDIDATES = 4000
_SHORTEST, _LONGEST = 8, 256
_MEDIAN, _SPREAD = 24, 0.7


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
        if self.count(text) != tokens:
            raise ValueError(
                f"a text of {tokens} tokens was wanted, the tokenizer makes {self.count(text)} of {text!r}"
            )
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
