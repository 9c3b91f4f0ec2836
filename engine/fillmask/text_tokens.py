"""A text as tokens that know their place in it: for verbs that read more of a text than its masks."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from fillmask.artifact.tokenizer import reported
from fillmask.encoding import LONG_CHARACTERS, LONG_CHARACTERS_BEYOND_ASCII, check_text
from fillmask.errors import TextError
from fillmask.model import Model
from fillmask.spans import Span, trace


class TextTokens(NamedTuple):
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


def tokenize(model: Model, text: str) -> TextTokens:
    """Turn a text, with or without masks, into tokens.

    The text is data: its only masks are the model's own mask tokens, as the tokenizer reads them. A placeholder such as
    ``{mask}`` is text.

    The special tokens of the template are those at its positions: a ``[SEP]`` inside the text is one of its tokens.

    Raises:
        TextError: It is no text, the tokenizer fails on it, or it holds a token that the model does not score.
        ForkError: This process is a fork of the one that loaded the model.
    """
    model.session.check_process()
    check_text(text)
    encoding: Encoding = reported(partial(_encode, model.tokenizer.tokenizer), text)
    ids = np.array(encoding.ids, dtype=np.int64)
    if ids.max(initial=0) >= model.vocab_size:
        raise TextError(f"the text has the token {ids.max()}, the model scores {model.vocab_size} tokens")
    windows = model.encoder.windows
    first, last = windows.prefix, ids.size - windows.suffix
    spans = trace(text, encoding.offsets[first:last])
    return TextTokens(ids[first:last], ids[:first], ids[last:], spans, encoding.word_ids[first:last])


def _encode(tokenizer: Tokenizer, text: str) -> Encoding:
    """Tokenize a text, and a long one as a batch, which releases the GIL meanwhile and has the same places."""
    if len(text) > (LONG_CHARACTERS if text.isascii() else LONG_CHARACTERS_BEYOND_ASCII):
        return tokenizer.encode_batch([text])[0]
    return tokenizer.encode(text)
