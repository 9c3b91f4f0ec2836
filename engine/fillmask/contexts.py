"""A slot in its context: rows in which pieces of any number stand at the slot, in one window of a long text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import TooLongError
from fillmask.masking import MaskingTruncation
from fillmask.model import Model
from fillmask.slots import Slot, SlottedText
from fillmask.windows import window_starts


@dataclass(frozen=True, slots=True)
class SlotContext:
    """What stands around a slot.

    Attributes:
        before: Tokens before the slot, ``int64``, with the special tokens of the template.
        after: Tokens behind it, likewise.
        marked: Whether a word at the slot has the vocabulary's mark.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    marked: bool

    def row(self, pieces: Sequence[int]) -> NDArray[np.int64]:
        """The tokens of the text with some pieces at the slot, ``int64[s]``; the first is at ``before.size``."""
        return np.concatenate([self.before, np.array(pieces, dtype=np.int64), self.after])


def is_marked(model: Model, slotted: SlottedText, mask: int) -> bool:
    """Whether a word at a mask, such as the first one of a slot, has the vocabulary's mark."""
    place = slotted.places[mask]
    return model.pieces.wants_mark(slotted.before(mask), int(slotted.ids[place - 1]) if place else -1)


def slot_context(
    model: Model, slotted: SlottedText, slot: Slot, pieces: int, truncation: MaskingTruncation | None
) -> SlotContext:
    """Take what stands around a slot, which keeps the same tokens whatever number of pieces is put there.

    Args:
        model: The model.
        slotted: The text. The masks of its other slots stay where they are.
        slot: The slot.
        pieces: The largest number of pieces that will stand at the slot.
        truncation: None refuses a text that is too long with them, ``"window"`` keeps what is around the slot.

    Raises:
        TooLongError: The text is too long, or the pieces alone are.
    """
    windows, mask = model.encoder.windows, slot.masks.start
    head, content, tail = windows.split(slotted.ids)
    first = int(slotted.places[mask]) - head.size
    left, right = content[:first], content[first + len(slot.masks) :]
    total, size = left.size + pieces + right.size, windows.size
    if total > size:
        _check(model, total, pieces, truncation)
        start = window_starts([first, first + pieces - 1], size, total)[0]
        left, right = left[start:], right[: start + size - first - pieces]
    return SlotContext(np.concatenate([head, left]), np.concatenate([right, tail]), is_marked(model, slotted, mask))


def _check(model: Model, total: int, pieces: int, truncation: MaskingTruncation | None) -> None:
    special = model.encoder.windows.prefix + model.encoder.windows.suffix
    if pieces + special > model.max_length:
        raise TooLongError(f"{pieces} pieces at a slot are more than the model takes, {model.max_length} tokens")
    if truncation is None:
        raise TooLongError(
            f"the text has {total + special} tokens with {pieces} pieces at the slot, and the model takes at most "
            f"{model.max_length}; shorten it, or take truncation 'window' (the tokens around the slot)"
        )
