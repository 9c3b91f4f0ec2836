"""Texts longer than the model: refused, cut at the end, or read in windows around their masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import InputError, NoMaskError, TooLongError, TruncationWarning
from fillmask.locating import locate
from fillmask.notices import Notice

Truncation = Literal["right", "window"]


class Windows(NamedTuple):
    """Cuts token ids to the length that a model takes.

    Attributes:
        mask_token: The mask, for messages.
        mask_token_id: The mask as a token.
        max_length: Tokens the model takes, special tokens included.
        prefix: Special tokens before a text.
        suffix: Special tokens after a text.
    """

    mask_token: str
    mask_token_id: int
    max_length: int
    prefix: int
    suffix: int

    @property
    def size(self) -> int:
        """Tokens of a text that fit into one row, without the special tokens."""
        return self.max_length - self.prefix - self.suffix

    def split(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The special tokens before a text, its tokens, and the special tokens after it, each ``int64``."""
        end = ids.size - self.suffix
        return ids[: self.prefix], ids[self.prefix : end], ids[end:]

    def cut(
        self, ids: NDArray[np.int64], truncation: Truncation | None
    ) -> tuple[list[NDArray[np.int64]], tuple[Notice, ...]]:
        """Cut a text that is too long.

        Args:
            ids: ``int64[s]``, ``s`` > max_length.
            truncation: None refuses it. ``"right"`` keeps its beginning. ``"window"`` keeps the tokens around its
                masks: one row for each group of masks that fits.

        Returns:
            Rows ``int64[max_length]``, and a notice if masks were cut off. Row by row, their masks are the text's masks
            from left to right.

        Raises:
            TooLongError: ``truncation`` is None.
            NoMaskError: ``truncation`` is ``"right"`` and every mask was cut off.
            InputError: ``truncation`` is something else.
        """
        check_truncation(truncation)
        if truncation is None:
            raise TooLongError(
                f"the text has {ids.size} tokens and the model takes at most {self.max_length}; shorten it, or take "
                f"truncation 'window' (the surroundings of the masks) or 'right' (the beginning)"
            )
        head, content, tail = self.split(ids)
        size, masks = self.size, locate(content, self.mask_token_id)
        notices = self._cut_masks(int((masks >= size).sum()), masks.size) if truncation == "right" else ()
        starts = [0] if truncation == "right" else window_starts(masks.tolist(), size, content.size)
        return [np.concatenate([head, content[start : start + size], tail]) for start in starts], notices

    def no_mask(self) -> str:
        """The message for a text without a mask, in transformers' words."""
        return f"No mask_token ({self.mask_token}) found on the input"

    def _cut_masks(self, cut: int, masks: int) -> tuple[Notice, ...]:
        if cut and cut == masks:
            raise NoMaskError(
                f"{self.no_mask()}: truncation 'right' cut it off behind {self.max_length} tokens; try 'window'"
            )
        message = f"truncation 'right' cut off {cut} of the text's {masks} masks, behind {self.max_length} tokens"
        return (Notice(TruncationWarning, message),) if cut else ()


def window_starts(masks: Sequence[int], size: int, length: int) -> list[int]:
    """Choose windows of ``size`` tokens so that each mask is in exactly one of them.

    Masks are grouped from left to right as long as a group fits a window. A window is centered on its group, kept
    inside the text and off the mask before it.

    Args:
        masks: Positions of the masks in the text, ascending.
        size: Tokens of a window.
        length: Tokens of the text, more than ``size``.

    Returns:
        The start of each window.

    Example: ``window_starts([100, 800], 10, 1000)`` is ``[95, 795]``.
    """
    groups: list[list[int]] = []
    for mask in masks:
        if groups and mask - groups[-1][0] < size:
            groups[-1].append(mask)
        else:
            groups.append([mask])
    starts = []
    for before, group in zip([[-1], *groups], groups, strict=False):
        centered = (group[0] + group[-1] + 1 - size) // 2
        starts.append(max(before[-1] + 1, min(centered, length - size)))
    return starts


def check_truncation(truncation: object) -> None:
    """Refuse a truncation that is not one.

    Raises:
        InputError: Neither None nor one of ``Truncation``.
    """
    if truncation is not None and truncation not in get_args(Truncation):
        raise InputError(f"truncation must be None, 'right' or 'window', got {truncation!r}")
