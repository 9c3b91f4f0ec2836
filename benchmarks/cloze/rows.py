"""Texts as tokens with masks, and what stood behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer

Ids = NDArray[np.int64]

_MOST_TOKENS = 4096  # of a batch, padding included
_MOST_MASKS = 64  # of a batch: each has a row of logits as long as the vocabulary
_MOST_ROWS = 32
_UNKNOWN = ("[UNK]", "<unk>")


@dataclass(frozen=True, slots=True)
class Row:
    """A text with masks.

    Attributes:
        input_ids: ``int64[s]``, masked.
        positions: Where the masks are, ``int64[m]``.
        labels: What stood there, ``int64[m]``.
    """

    input_ids: Ids
    positions: Ids
    labels: Ids


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model thinks of a row's labels.

    Attributes:
        log_probs: Of each label at its mask, in nats, ``float64[m]``.
        ranks: How many tokens the model puts before it, ``int64[m]``; 0 is right.
    """

    log_probs: NDArray[np.float64]
    ranks: Ids


def judge_logits(logits: NDArray[np.float32], labels: Ids) -> Judgement:
    """Judge labels ``int64[m]`` by the logits at their masks, ``float32[m, V]``."""
    at_labels = np.take_along_axis(logits, labels[:, None], axis=-1)
    maxima = logits.max(axis=-1, keepdims=True)
    sums = np.exp(logits - maxima).sum(axis=-1, dtype=np.float64)
    log_probs = (at_labels - maxima)[:, 0].astype(np.float64) - np.log(sums)
    return Judgement(log_probs, (logits > at_labels).sum(axis=-1))


class Reader:
    """Makes rows for one model.

    Args:
        tokenization: Its tokenizer and special tokens.

    Attributes:
        tokenization: As given.
        unknown_ids: The token of unknown words, ``int64[1]``; ``int64[0]`` where the model has none.
    """

    def __init__(self, tokenization: ModelTokenizer) -> None:
        self.tokenization = tokenization
        ids = self.encode(tokenization.mask_token)
        place = int(np.flatnonzero(ids == tokenization.mask_token_id)[0])
        self._head, self._tail = ids[:place], ids[place + 1 :]
        known = (tokenization.tokenizer.token_to_id(token) for token in _UNKNOWN)
        self.unknown_ids = np.array([token for token in known if token is not None][:1], dtype=np.int64)

    @property
    def specials(self) -> int:
        """Tokens that the model puts around every text."""
        return self._head.size + self._tail.size

    def encode(self, text: str) -> Ids:
        """A text's tokens with the special ones around it, ``int64[s]``."""
        return np.array(self.tokenization.tokenizer.encode(text).ids, dtype=np.int64)

    def content(self, text: str) -> Ids:
        """A text's tokens alone, ``int64[s]``."""
        return np.array(self.tokenization.tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)

    def token(self, word: str) -> int | None:
        """The token that a word inside a text is, or None where it is several or unknown."""
        ids = self.content(f" {word}")
        return int(ids[0]) if ids.size == 1 and ids[0] not in self.unknown_ids else None

    def mask(self, content: Ids, positions: Ids) -> Row:
        """Mask some tokens of a text.

        Args:
            content: The text, ``int64[s]``, without the special tokens around it.
            positions: Which of them to mask, ``int64[m]``.
        """
        ids = np.concatenate([self._head, content, self._tail])
        moved = positions + self._head.size
        ids[moved] = self.tokenization.mask_token_id
        return Row(ids, moved, content[positions])

    def one_by_one(self, text: str) -> list[Row]:
        """A row for each token of a text, that token alone masked: what a pseudo-log-likelihood sums over."""
        content = self.content(text)
        return [self.mask(content, np.array([place])) for place in range(content.size)]


def batches(rows: Sequence[Row], most_rows: int = _MOST_ROWS) -> list[list[int]]:
    """Which rows run together, those of like length.

    Returns:
        Indices of rows, each once, the longest rows first.
    """
    planned: list[list[int]] = []
    most = 0
    for index in sorted(range(len(rows)), key=lambda index: -rows[index].input_ids.size):
        batch, masks = planned[-1] if planned else [], rows[index].positions.size
        most = max(most, masks)
        longest, count = rows[batch[0] if batch else index].input_ids.size, len(batch) + 1
        if batch and count <= most_rows and count * longest <= _MOST_TOKENS and count * most <= _MOST_MASKS:
            batch.append(index)
        else:
            planned.append([index])
            most = masks
    return planned


def pad_positions(rows: Iterable[Row]) -> Ids:
    """The rows' positions, ``int64[b, m]``; position 0, which always exists, fills what a row has fewer."""
    positions = [row.positions for row in rows]
    padded = np.zeros((len(positions), max(each.size for each in positions)), dtype=np.int64)
    for row, each in zip(padded, positions, strict=True):
        row[: each.size] = each
    return padded


def judge_batch(logits: NDArray[np.float32], rows: Sequence[Row]) -> Iterator[Judgement]:
    """Judge each of a batch's rows by ``logits float32[b, m, V]``."""
    for scores, row in zip(logits, rows, strict=True):
        yield judge_logits(scores[: row.labels.size], row.labels)
