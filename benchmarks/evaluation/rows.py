"""Masked texts, and the scores of the tokens that were masked.

Dimensions: ``b`` rows, ``s`` tokens, ``m`` masks, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.encoding import Encoder

Ids = NDArray[np.int64]

_MAX_TOKENS = 4096  # of a batch
_MAX_MASKS = 64  # of a batch: each has V logits
_UNKNOWN = ("[UNK]", "<unk>")


@dataclass(frozen=True, slots=True)
class Row:
    """A masked text.

    Attributes:
        input_ids: ``int64[s]``, masked.
        positions: Of the masks, ``int64[m]``.
        labels: The masked tokens, ``int64[m]``.
    """

    input_ids: Ids
    positions: Ids
    labels: Ids


@dataclass(frozen=True, slots=True)
class Scores:
    """A model's scores of a row's labels.

    Attributes:
        log_probs: Of each label at its mask, in nats, ``float64[m]``.
        ranks: Number of tokens with a higher score, ``int64[m]``; 0 is the model's first.
    """

    log_probs: NDArray[np.float64]
    ranks: Ids


def score(logits: NDArray[np.float32], labels: Ids) -> Scores:
    """Score labels ``int64[m]`` by the logits at their masks, ``float32[m, V]``."""
    at_labels = np.take_along_axis(logits, labels[:, None], axis=-1)
    maxima = logits.max(axis=-1, keepdims=True)
    sums = np.exp(logits - maxima).sum(axis=-1, dtype=np.float64)
    log_probs = (at_labels - maxima)[:, 0].astype(np.float64) - np.log(sums)
    return Scores(log_probs, (logits > at_labels).sum(axis=-1))


class RowEncoder:
    """Encodes texts as rows for one model.

    Args:
        tokenizer: The model's.

    Attributes:
        mask_token: The mask as text.
        max_length: Tokens that the model takes, special ones included.
        special_tokens: Number of special tokens around every text.
        unknown_ids: The token of unknown words, ``int64[1]``; ``int64[0]`` where the model has none.
    """

    def __init__(self, tokenizer: ModelTokenizer) -> None:
        self.mask_token, self.max_length = tokenizer.mask_token, tokenizer.max_length
        self._mask_token_id, self._tokenizer = tokenizer.mask_token_id, tokenizer.tokenizer
        self._encoder = Encoder(tokenizer)
        self._template = self._encode(self.mask_token)
        self.special_tokens: int = self._template.input_ids.size - 1
        known = (self._tokenizer.token_to_id(token) for token in _UNKNOWN)
        self.unknown_ids = np.array([token for token in known if token is not None][:1], dtype=np.int64)

    def content(self, text: str) -> Ids:
        """A text's tokens without special ones, ``int64[s]``."""
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)

    def token(self, word: str) -> int | None:
        """The token of a word inside a text; None where the word is several tokens or unknown."""
        ids = self.content(f" {word}")
        return int(ids[0]) if ids.size == 1 and ids[0] not in self.unknown_ids else None

    def cloze(self, text: str, label: int) -> Row:
        """The row of a text with one mask, whose surroundings are kept where the text is too long."""
        return self._encode(text, label)

    def mask(self, content: Ids, positions: Ids) -> Row:
        """Mask some tokens of a text.

        Args:
            content: The text without special tokens, ``int64[s]``.
            positions: The tokens to mask, ``int64[m]``.
        """
        (place,) = self._template.positions
        ids = np.concatenate([self._template.input_ids[:place], content, self._template.input_ids[place + 1 :]])
        ids[positions + place] = self._mask_token_id
        return Row(ids, positions + place, content[positions])

    def one_by_one(self, text: str) -> list[Row]:
        """One row for each token of a text, with that token masked: a pseudo-log-likelihood is their sum."""
        content = self.content(text)
        return [self.mask(content, np.array([place])) for place in range(content.size)]

    def _encode(self, text: str, label: int = 0) -> Row:
        ids = self._encoder.encode(text)
        if ids.size > self._encoder.windows.max_length:
            ids = self._encoder.windows.cut(ids, "window")[0][0]
        return Row(ids, np.flatnonzero(ids == self._mask_token_id)[:1], np.array([label]))


def batches(rows: Sequence[Row], batch_size: int) -> list[list[int]]:
    """Group rows of equal length and equally many masks, so that a batch needs no padding.

    Returns:
        Indices of rows, each once, the longest rows first.
    """

    def shape(index: int) -> tuple[int, int]:
        return rows[index].input_ids.size, rows[index].positions.size

    planned: list[list[int]] = []
    for (tokens, masks), group in groupby(sorted(range(len(rows)), key=shape, reverse=True), shape):
        indices, size = list(group), max(1, min(batch_size, _MAX_TOKENS // tokens, _MAX_MASKS // masks))
        planned += [indices[start : start + size] for start in range(0, len(indices), size)]
    return planned
