"""Texts of a given number of tokens with one mask each, in words that the model knows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from fillmask.artifact.folder import Artifact
from fillmask.artifact.tokenizer import ModelTokenizer, open_tokenizer
from fillmask.encoding import PLACEHOLDERS, Encoder
from fillmask.errors import InputError

_USUAL = (16, 64, 128, 512)
_TEXTS = 4  # of a length, so that no call repeats the one before it
_ENGLISH = (
    "the old man walked to the river in the morning and sat down on a stone . he looked at the water for a long "
    "time , and when the sun was high he went back to the house where his daughter had made some bread and soup"
)


def lengths(max_length: int, wanted: Sequence[int] = ()) -> list[int]:
    """Choose lengths, or check those that are wanted.

    Args:
        max_length: Tokens that the model takes.
        wanted: Numbers of tokens; none for the usual ones.

    Raises:
        InputError: The model does not take so many tokens.
    """
    for length in wanted:
        if not 3 <= length <= max_length:
            raise InputError(f"a text must have from 3 to {max_length} tokens, which the model takes; got {length}")
    return sorted(set(wanted or (min(length, max_length) for length in _USUAL)))


class Texts:
    """Makes texts for a model.

    The words come from the texts that the manifest stores, since those are in the model's language; a model without
    stored texts gets English words.

    Args:
        artifact: The model.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._tokenization: ModelTokenizer = open_tokenizer(artifact)
        self._encoder = Encoder(self._tokenization)
        self.max_length: int = self._tokenization.max_length
        self._words = _words(artifact, self._tokenization.mask_token)

    def of(self, tokens: int) -> list[str]:
        """Different texts of as many tokens, or of fewer where no word fits what is left."""
        step = max(len(self._words) // _TEXTS, 1)
        return [
            self._make(tokens, self._words[start:] + self._words[:start]) for start in range(0, _TEXTS * step, step)
        ]

    def count(self, text: str) -> int:
        """Tokens of a text that the model takes whole."""
        return self._encoder.encode(text).size

    def _make(self, tokens: int, words: list[str]) -> str:
        repeated = words * (tokens // len(words) + 1)
        fitting = bisect_right(range(len(repeated)), tokens, key=lambda count: self._length(repeated[:count])) - 1
        chosen = repeated[: max(fitting, 0)]
        for word in words:  # shorter ones than the word that did not fit
            while self._length([*chosen, word]) <= tokens:
                chosen.append(word)
        return self._text(chosen)

    def _length(self, words: list[str]) -> int:
        return len(self._tokenization.tokenizer.encode(self._text(words)).ids)

    def _text(self, words: list[str]) -> str:
        middle = len(words) // 2
        return " ".join([*words[:middle], self._tokenization.mask_token, *words[middle:]])


def _words(artifact: Artifact, mask_token: str) -> list[str]:
    """The words of the stored texts, or their characters in a language without spaces between words."""
    entries = artifact.manifest.get("variants", {}).values()
    texts = {str(each["text"]): None for entry in entries for each in entry.get("expected", [])}
    text = " ".join(texts) or _ENGLISH
    for mask in (mask_token, *PLACEHOLDERS):
        text = text.replace(mask, " ")
    words = text.split()
    return words if len(words) > 2 * len(texts) else [character for word in words for character in word]
