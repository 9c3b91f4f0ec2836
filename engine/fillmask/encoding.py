"""Text to token ids: check it, unify the mask, tokenize.

Dimensions, here and everywhere: ``b`` rows, ``s`` tokens, ``m`` masks, ``V`` vocabulary, ``k`` = top_k.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding as TokenizersEncoding

from fillmask.artifact.tokenizer import ModelTokenizer, is_failure
from fillmask.errors import ArtifactError, TextError, first_line
from fillmask.shortcuts.word_cache import WordCache
from fillmask.spans import Span, trace, unify_masks
from fillmask.token_types import token_types_of
from fillmask.windows import Windows

T = TypeVar("T")

# What people write for a mask, whatever the model calls it.
PLACEHOLDERS = ("[MASK]", "<mask>", "{mask}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TextTokens:
    """The tokens of a text, and where they stand in it.

    Attributes:
        ids: Of the text, ``int64[n]``, without the special tokens of the template.
        head: Special tokens before them, ``int64``.
        tail: Special tokens after them, ``int64``.
        spans: Where each of ``ids`` stands in the caller's text.
        word_ids: The word of each of ``ids``, as the tokenizer splits words. A mask is a word of its own.
    """

    ids: NDArray[np.int64]
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    spans: list[Span]
    word_ids: list[int | None]


class Encoder:
    """Encodes texts for one model.

    Args:
        tokenizer: The model's tokenizer.
        placeholders: Read ``[MASK]``, ``<mask>`` and ``{mask}`` as the model's mask token in a text without that
            token, except one that is a token of the model in its own right.

    Attributes:
        windows: Cuts texts that are longer than the model.
        token_types: Types of a row's tokens; None if all are 0.

    Raises:
        ArtifactError: The tokenizer does not turn the mask into its token.
    """

    def __init__(self, tokenizer: ModelTokenizer, *, placeholders: bool = True) -> None:
        self._tokenizer = tokenizer.tokenizer
        self._mask_token = tokenizer.mask_token
        known = self._tokenizer.token_to_id
        self._placeholders = [text for text in PLACEHOLDERS if placeholders and known(text) is None]
        self._word_cache: WordCache | None = None
        # The template puts special tokens around a text: [CLS] before and [SEP] after it.
        template = self._mask_alone(tokenizer.mask_token_id)
        prefix = template.index(tokenizer.mask_token_id)
        before, after = template[:prefix], template[prefix + 1 :]
        self.windows = Windows(self._mask_token, tokenizer.mask_token_id, tokenizer.max_length, len(before), len(after))
        self.token_types = token_types_of(tokenizer)
        self._word_cache = WordCache.for_tokenizer(self._tokenizer, self._mask_token, (before, after))

    def encode(self, text: str) -> NDArray[np.int64]:
        """Turn a text into token ids.

        Args:
            text: The text.

        Returns:
            ``int64[s]`` with the special tokens of the model's template, of any length.

        Raises:
            TextError: The text is not a string, holds NUL or a lone surrogate, or the tokenizer fails on it.
        """
        check_text(text)
        for placeholder in self._placeholders_of(text):
            text = text.replace(placeholder, self._mask_token)
        return np.array(self._ids(text), dtype=np.int64)

    def tokens(self, text: str) -> TextTokens:
        """Turn a text into tokens that know their place in it.

        The special tokens of the template are told by position: a ``[SEP]`` inside the text is one of its tokens.

        Raises:
            TextError: As ``encode``.
        """
        check_text(text)
        unified = unify_masks(text, self._placeholders_of(text), self._mask_token)
        encoding: TokenizersEncoding = _reported(self._tokenizer.encode, unified.text)
        ids = np.array(encoding.ids, dtype=np.int64)
        first, last = self.windows.prefix, ids.size - self.windows.suffix
        spans = trace(text, unified, encoding.offsets[first:last])
        return TextTokens(ids[first:last], ids[:first], ids[last:], spans, encoding.word_ids[first:last])

    def _placeholders_of(self, text: str) -> Sequence[str]:
        """A text with the model's own mask is written for this model, and its ``{mask}`` may be code."""
        return () if self._mask_token in text else self._placeholders

    def _ids(self, text: str) -> list[int]:
        return _reported(self._cached_or_encoded, text)

    def _cached_or_encoded(self, text: str) -> list[int]:
        if self._word_cache is not None and (cached := self._word_cache.ids(text)) is not None:
            return cached
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def _mask_alone(self, mask_token_id: int) -> list[int]:
        mask = self._mask_token
        try:
            ids = self._ids(mask)
        except TextError as error:
            raise ArtifactError(f"the tokenizer does not work, it fails on {mask}: {error.__cause__}") from error
        if mask_token_id not in ids:
            raise ArtifactError(f"the tokenizer does not work, it reads {mask} as the tokens {ids}")
        return ids


def _reported(tokenize: Callable[[str], T], text: str) -> T:
    """Turn any failure of a tokenizer into a ``TextError``."""
    try:
        return tokenize(text)
    except BaseException as error:
        if not is_failure(error):
            raise
        raise TextError(f"the tokenizer fails on the text: {first_line(error)}") from error


def check_text(text: object) -> None:
    """Refuse what a tokenizer cannot take or would silently drop.

    Raises:
        TextError: Not a string, or a string that holds NUL or a lone surrogate.
    """
    if not isinstance(text, str):
        raise TextError(f"a text must be a string, got {type(text).__name__}")
    if (position := text.find("\0")) >= 0:
        raise TextError(f"the text holds NUL (U+0000) at character {position}; remove it")
    if not text.isascii() and (match := _SURROGATE.search(text)):
        raise TextError(
            f"the text holds the lone surrogate U+{ord(match[0]):04X} at character {match.start()}, which is not a "
            f"character; decode the text as UTF-8 with errors='replace'"
        )
