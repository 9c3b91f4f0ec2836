"""Rows of a text in which some of its tokens are masked, in a window if the text is longer than the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np

from fillmask.errors import InputError, TooLongError
from fillmask.model import Model
from fillmask.tasks import Read, Reading
from fillmask.text_tokens import TextTokens
from fillmask.windows import window_starts

MaskingTruncation: TypeAlias = Literal["window"]

# Of one row, 64 MiB: longer lists of positions are read in several rows.
_MOST_LOGITS = 1 << 24


def check_masking_truncation(truncation: object) -> None:
    """Refuse a truncation that would leave tokens unread.

    Raises:
        InputError: Neither None nor ``"window"``.
    """
    if truncation not in (None, "window"):
        raise InputError(f"truncation must be None or 'window', got {truncation!r}")


def most_positions(model: Model) -> int:
    """Positions of one row that may be read."""
    return max(1, _MOST_LOGITS // model.vocab_size)


def check_length(model: Model, tokens: TextTokens, truncation: MaskingTruncation | None) -> None:
    """Refuse a text that does not fit into one row, unless it is read in windows.

    Raises:
        TooLongError: The text is longer than the model, and ``truncation`` is None.
    """
    if truncation is None and tokens.ids.size > model.encoder.windows.size:
        total = tokens.ids.size + tokens.head.size + tokens.tail.size
        raise TooLongError(
            f"the text has {total} tokens and the model takes at most {model.max_length}; shorten it, or take "
            f"truncation 'window' (each token is read in the tokens around it)"
        )


def masked_read(
    model: Model,
    tokens: TextTokens,
    masked: Sequence[int],
    positions: Sequence[int],
    reading: Reading,
    *,
    start: int | None = None,
) -> Read:
    """Make a row in which some tokens are masked and some positions are read.

    Args:
        model: The model.
        tokens: The text's tokens.
        masked: Which of them are masked, ascending.
        positions: Which of them are read, ascending.
        reading: What is taken from the logits there.
        start: Where the window begins; None centers it on the masked tokens or, where they are none or do not fit, on
            the positions.

    Returns:
        A row with the template's special tokens, also around a window. It keeps its bits whatever else runs: rows of
        one text have one length, so most of its runs are full without others.
    """
    size = model.encoder.windows.size
    if start is None:
        start = _window_start(tokens.ids.size, size, masked, positions)
    content = tokens.ids[start : start + size].copy()
    content[[index - start for index in masked if 0 <= index - start < content.size]] = model.tokenizer.mask_token_id
    input_ids = np.concatenate([tokens.head, content, tokens.tail])
    at = np.array(positions, dtype=np.int64) + (tokens.head.size - start)
    return Read(input_ids, at, reading, alone=True)


def neighbors(positions: Iterable[int], most: int) -> Iterator[list[int]]:
    """Split positions, which ascend, into lists that fit into a window: each spans at most so many tokens."""
    near: list[int] = []
    for position in positions:
        if near and position - near[0] >= most:
            yield near
            near = []
        near.append(position)
    if near:
        yield near


def _window_start(length: int, size: int, masked: Sequence[int], positions: Sequence[int]) -> int:
    if length <= size:
        return 0
    center = masked if masked and masked[-1] - masked[0] < size else positions
    return window_starts([center[0], center[-1]], size, length)[0]
