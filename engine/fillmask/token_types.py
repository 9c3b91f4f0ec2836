"""Token types that a tokenizer's template gives one text, such as 2 for the ``<cls>`` of Funnel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer


class TokenTypes(NamedTuple):
    """The types of a row's tokens, which depend on its length alone.

    Attributes:
        before: Types of the special tokens before a text.
        text: The type of each token of the text.
        after: Types of the special tokens after it.
    """

    before: tuple[int, ...]
    text: int
    after: tuple[int, ...]

    def rows(self, lengths: Sequence[int]) -> NDArray[np.int64]:
        """Give the types of rows with these lengths in tokens, ``int64[b, s]``; padding has type 0."""
        types = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
        for row, length in zip(types, lengths, strict=True):
            row[:length] = self.text
            row[: len(self.before)] = self.before
            row[length - len(self.after) : length] = self.after
        return types


def token_types_of(tokenizer: ModelTokenizer) -> TokenTypes | None:
    """Read the types of a tokenizer's template; None if all are 0, or the model does not get them.

    Args:
        tokenizer: The model's tokenizer.
    """
    if not tokenizer.gives_token_types:
        return None
    encoding = tokenizer.tokenizer.encode(tokenizer.mask_token)
    types, place = encoding.type_ids, encoding.ids.index(tokenizer.mask_token_id)
    return TokenTypes(tuple(types[:place]), types[place], tuple(types[place + 1 :])) if any(types) else None
