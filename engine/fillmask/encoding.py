"""Text to token ids: check it, unify the mask, tokenize.

Dimensions, here and everywhere: ``b`` rows, ``s`` tokens, ``m`` masks, ``V`` vocabulary, ``k`` = top_k.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer, reported
from fillmask.errors import ArtifactError, TextError
from fillmask.shortcuts.word_cache import WordCache
from fillmask.token_types import token_types_of
from fillmask.windows import Windows

# What people write for a mask, whatever the model calls it.
PLACEHOLDERS = ("[MASK]", "<mask>", "{mask}")
# encode holds the GIL, which for 20,000 characters can last 0.4 s; encode_batch releases it. A character beyond
# ASCII can become 18 (U+FDFA).
LONG_CHARACTERS = 1000
LONG_CHARACTERS_BEYOND_ASCII = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


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
        for placeholder in self.placeholders_of(text):
            text = text.replace(placeholder, self._mask_token)
        return np.array(self._ids(text), dtype=np.int64)

    def placeholders_of(self, text: str) -> Sequence[str]:
        """What is read as the mask in a text.

        A text with the model's own mask is written for this model, and its ``{mask}`` may be code.
        """
        return () if self._mask_token in text else self._placeholders

    def _ids(self, text: str) -> list[int]:
        return reported(self._cached_or_encoded, text)

    def _cached_or_encoded(self, text: str) -> list[int]:
        if self._word_cache is not None and (cached := self._word_cache.ids(text)) is not None:
            return cached
        if len(text) > (LONG_CHARACTERS if text.isascii() else LONG_CHARACTERS_BEYOND_ASCII):
            return list(self._tokenizer.encode_batch_fast([text])[0].ids)
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
