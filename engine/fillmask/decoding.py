"""Token ids to text: a token alone, and a text with the token in place of a mask."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.shortcuts.splicing import Splicer, TextCache

# The clean-up that transformers applies where clean_up_tokenization_spaces is set, in its order.
_CLEAN_UP = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
]  # fmt: skip


class Decoder:
    """Decodes tokens for one model, as transformers FillMaskPipeline.postprocess does.

    Args:
        tokenizer: The model's tokenizer.
    """

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        self._tokenizer = tokenizer.tokenizer
        self._pad_token_id = tokenizer.pad_token_id
        self._clean_up = tokenizer.clean_up
        self._texts = TextCache(lambda token: self._decode([token], skip_special_tokens=False))
        self._splicer = Splicer.for_tokenizer(self._tokenizer)

    def token_str(self, token: int) -> str:
        """Give a token as text."""
        return self._cleaned(self._texts[token])

    def around(self, input_ids: NDArray[np.int64], position: int, *, single_mask: bool) -> Callable[[int], str]:
        """Make the function from a token to the text with that token in place of a mask.

        Args:
            input_ids: The text's tokens, ``int64[s]``.
            position: Where the mask is.
            single_mask: Whether it is the text's only mask; the special tokens are then left out.
        """
        # Dropping every padding token also drops a predicted one, which is what transformers does.
        ids = input_ids.tolist()
        left, right = self._without_padding(ids[:position]), self._without_padding(ids[position + 1 :])
        spliced = self._splicer and self._splicer.around(left, right, skip_special_tokens=single_mask)

        def sequence(token: int) -> str:
            if spliced:
                return self._cleaned(spliced(None if token == self._pad_token_id else token))
            ids = self._without_padding([*left, token, *right])
            return self._cleaned(self._decode(ids, skip_special_tokens=single_mask))

        return sequence

    def _without_padding(self, ids: list[int]) -> list[int]:
        return [token for token in ids if token != self._pad_token_id] if self._pad_token_id in ids else ids

    def _decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
        return text

    def _cleaned(self, text: str) -> str:
        if self._clean_up:
            for spaced, clean in _CLEAN_UP:
                text = text.replace(spaced, clean)
        return text
