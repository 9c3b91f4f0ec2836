"""Text to token ids: check it, unify the mask, tokenize, and cut what is longer than the model takes.

Dimensions, here and everywhere: ``b`` texts, ``s`` tokens, ``m`` masks, ``V`` vocabulary, ``k`` = top_k.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer, is_failure
from fillmask.errors import (
    ArtifactError,
    InputError,
    NoMaskError,
    TextError,
    TooLongError,
    TruncationWarning,
    first_line,
)
from fillmask.shortcuts.word_cache import Words, reads_words

Truncation = Literal["right", "window"]

# What people write for a mask, whatever the model calls it.
PLACEHOLDERS = ("[MASK]", "<mask>", "{mask}")
# The attention mask of a text alone is a view of these: right behind a run, whose weights fill the caches, making it
# takes 40 µs and the view 7.
_ONES = np.ones((1, 512), dtype=np.int64)
_ONES.flags.writeable = False
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch, ready to run.

    Attributes:
        input_ids: Token ids, ``int64[b, s]``, padded on the right.
        attention_mask: 1 for a token, 0 for padding, ``int64[b, s]``.
    """

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]


class Encoder:
    """Encodes texts for one model.

    Args:
        tokenization: The model's tokenizer.
        placeholders: Read ``[MASK]``, ``<mask>`` and ``{mask}`` as the model's mask token, except one that is a
            token of the model in its own right.
    """

    def __init__(self, tokenization: ModelTokenizer, *, placeholders: bool = True) -> None:
        self._tokenization = tokenization
        self._tokenizer = tokenization.tokenizer
        known = self._tokenizer.token_to_id
        self._placeholders = [text for text in PLACEHOLDERS if placeholders and known(text) is None]
        # Where the template of the model puts a text between its special tokens: [CLS] text [SEP] is (1, 1).
        self._words: Words | None = None
        ids = self._mask_alone()
        self._prefix = ids.index(tokenization.mask_token_id)
        self._suffix = len(ids) - self._prefix - 1
        if reads_words(self._tokenizer, tokenization.mask_token):
            ends = (ids[: self._prefix], ids[self._prefix + 1 :])
            self._words = Words(self._tokenizer, tokenization.mask_token, ends)

    def encode(self, text: str, truncation: Truncation | None = None) -> list[NDArray[np.int64]]:
        """Turn a text into one row of token ids, or into several where its masks do not fit in one.

        Args:
            text: The text.
            truncation: None refuses a text that is too long. ``"right"`` keeps its beginning. ``"window"`` keeps
                the surroundings of its masks: one row for each group of masks that fits.

        Returns:
            Rows ``int64[s]``, ``s`` ≤ max_length. Their masks, row by row, are the text's masks from left to right.

        Raises:
            TextError: The text is no string, holds NUL or a lone surrogate, or the tokenizer fails on it.
            TooLongError: It has more tokens than the model takes and ``truncation`` is None.
        """
        check_truncation(truncation)
        check_text(text)
        for placeholder in self._placeholders:
            text = text.replace(placeholder, self._tokenization.mask_token)
        ids = np.array(self._ids(text), dtype=np.int64)
        if ids.size <= self._tokenization.max_length:
            return [ids]
        return self._cut(ids, truncation)

    def _ids(self, text: str) -> list[int]:
        try:
            if self._words is not None and (known := self._words.ids(text)) is not None:
                return known
            ids: list[int] = self._tokenizer.encode(text).ids
        except BaseException as error:
            if not is_failure(error):
                raise
            raise TextError(f"the tokenizer fails on the text: {first_line(error)}") from error
        return ids

    def _mask_alone(self) -> list[int]:
        mask = self._tokenization.mask_token
        try:
            ids = self._ids(mask)
        except TextError as error:
            raise ArtifactError(f"the tokenizer does not work, it fails on {mask}: {error.__cause__}") from error
        if self._tokenization.mask_token_id not in ids:
            raise ArtifactError(f"the tokenizer does not work, it reads {mask} as the tokens {ids}")
        return ids

    def _cut(self, ids: NDArray[np.int64], truncation: Truncation | None) -> list[NDArray[np.int64]]:
        limit = self._tokenization.max_length
        if truncation is None:
            raise TooLongError(
                f"the text has {ids.size} tokens and the model takes at most {limit}; shorten it, or pass "
                f"truncation='window' (the surroundings of the masks) or truncation='right' (the beginning)"
            )
        content = ids[self._prefix : ids.size - self._suffix]
        room = limit - self._prefix - self._suffix
        masks = np.flatnonzero(content == self._tokenization.mask_token_id)
        if truncation == "right":
            self._check_cut_masks(int((masks >= room).sum()), masks.size)
        starts = [0] if truncation == "right" else windows(masks.tolist(), room, content.size)
        head, tail = ids[: self._prefix], ids[ids.size - self._suffix :]
        return [np.concatenate([head, content[start : start + room], tail]) for start in starts]

    def _check_cut_masks(self, cut: int, masks: int) -> None:
        limit = self._tokenization.max_length
        if cut and cut == masks:
            raise NoMaskError(f"{self.no_mask}: truncation='right' cut it off behind {limit} tokens; try 'window'")
        if cut:
            message = f"truncation='right' cut off {cut} of the text's {masks} masks, behind {limit} tokens"
            warnings.warn(message, TruncationWarning, stacklevel=2)

    @property
    def no_mask(self) -> str:
        """What to say of a text without a mask, in transformers' words."""
        return f"No mask_token ({self._tokenization.mask_token}) found on the input"


def windows(masks: Sequence[int], room: int, length: int) -> list[int]:
    """Choose windows of ``room`` tokens so that each mask is in exactly one of them.

    Masks are grouped from left to right as long as a group fits a window. A window is centred on its group, kept
    inside the text and off the mask before it.

    Args:
        masks: Positions of the masks in the text, ascending.
        room: Tokens a window holds.
        length: Tokens of the text, more than ``room``.

    Returns:
        The start of each window.

    Example: ``windows([100, 800], 10, 1000)`` is ``[95, 795]``.
    """
    groups: list[list[int]] = []
    for mask in masks:
        if groups and mask - groups[-1][0] < room:
            groups[-1].append(mask)
        else:
            groups.append([mask])
    starts = []
    for before, group in zip([[-1], *groups], groups, strict=False):
        centred = (group[0] + group[-1] + 1 - room) // 2
        starts.append(max(before[-1] + 1, min(centred, length - room)))
    return starts


def pad(rows: Sequence[NDArray[np.int64]], pad_token_id: int) -> Encoded:
    """Stack rows of token ids to the length of the longest.

    Args:
        rows: ``int64[s]`` each.
        pad_token_id: What fills a shorter row, on the right.
    """
    if len(rows) == 1:
        size = rows[0].size
        return Encoded(rows[0][None], _ONES[:, :size] if size <= _ONES.size else np.ones((1, size), dtype=np.int64))
    lengths = [row.size for row in rows]
    input_ids = np.full((len(rows), max(lengths)), pad_token_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    for index, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        input_ids[index, :length] = row
        attention_mask[index, :length] = 1
    return Encoded(input_ids, attention_mask)


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


def check_texts(rule: str, texts: object) -> None:
    """Refuse what can be iterated over but holds no texts.

    Raises:
        TextError: No iterable, or one of characters, bytes or keys; the message begins with the rule.
    """
    if not isinstance(texts, Iterable) or isinstance(texts, (str, bytes, bytearray, Mapping)):
        raise TextError(f"{rule}, got {type(texts).__name__}")


def check_truncation(truncation: object) -> None:
    """Refuse a truncation that is not one.

    Raises:
        InputError: Neither None nor one of ``Truncation``.
    """
    if truncation is not None and truncation not in get_args(Truncation):
        raise InputError(f"truncation must be None, 'right' or 'window', got {truncation!r}")
