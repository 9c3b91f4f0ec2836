"""Layouts: the rows of a text with some number of masks at each slot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fillmask.contexts import is_marked
from fillmask.errors import InputError, TooLongError
from fillmask.hypotheses import Allowed, Layout
from fillmask.masking import MaskingTruncation
from fillmask.model import Model
from fillmask.slots import Slot, SlottedText
from fillmask.windows import window_starts

SlotSizes: TypeAlias = "tuple[int, ...]"
"""The number of pieces at each slot."""


def make_layouts(
    model: Model,
    slotted: SlottedText,
    sizes: Sequence[SlotSizes],
    *,
    words: bool,
    truncation: MaskingTruncation | None,
) -> Iterator[Layout]:
    """Make the rows of a text, which all have the same tokens around the slots.

    Args:
        model: The model.
        slotted: The text.
        sizes: The numbers of pieces of each layout.
        words: Whether the first piece of a slot begins a word and the later ones continue it.
        truncation: None refuses a text that is too long for the largest layout; ``"window"`` keeps what is around the
            slots.

    Raises:
        TooLongError: The text is too long, or its slots are too far apart for one row.
        InputError: ``words`` is true, and no token of the vocabulary fits.
    """
    content, firsts = _content(model, slotted, max(map(sum, sizes)), truncation)
    allowed = [_allowed(model, slotted, slot) if words else None for slot in slotted.slots]
    head, _, tail = model.encoder.windows.split(slotted.ids)
    for pieces in sizes:
        yield _layout(model, (head, content, tail), list(zip(slotted.slots, firsts, strict=True)), pieces, allowed)


def _content(
    model: Model, slotted: SlottedText, pieces: int, truncation: MaskingTruncation | None
) -> tuple[NDArray[np.int64], list[int]]:
    """The text's tokens without the template's, cut so that the largest layout fits, and where its slots begin."""
    windows, size = model.encoder.windows, model.encoder.windows.size
    content = windows.split(slotted.ids)[1]
    masks = (slotted.places - windows.prefix).tolist()
    firsts = [masks[slot.masks.start] for slot in slotted.slots]
    extra = pieces - sum(len(slot.masks) for slot in slotted.slots)
    if content.size + extra <= size:
        return content, firsts
    special = windows.prefix + windows.suffix
    if truncation is None:
        raise TooLongError(
            f"the text has {content.size + extra + special} tokens with its slots filled, and the model takes at most "
            f"{model.max_length}; shorten it, or take truncation 'window' (the tokens around the slots)"
        )
    last = masks[slotted.slots[-1].masks[-1]]
    if last - firsts[0] + 1 + extra > size:
        raise TooLongError(
            f"the slots span {last - firsts[0] + 1 + extra} tokens, and one row takes {size}; fill them in turn"
        )
    (start,) = window_starts([firsts[0], last], size - extra, content.size)
    return content[start : start + size - extra], [first - start for first in firsts]


def _layout(
    model: Model,
    parts: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    slots: Sequence[tuple[Slot, int]],
    pieces: SlotSizes,
    allowed: Sequence[tuple[Allowed, Allowed] | None],
) -> Layout:
    head, content, tail = parts
    row: list[int] = head.tolist()
    places: list[int] = []
    tokens: list[Allowed] = []
    ranges: list[range] = []
    end = 0
    for (slot, first), count, pair in zip(slots, pieces, allowed, strict=True):
        row += content[end:first].tolist()
        ranges.append(range(len(places), len(places) + count))
        places += range(len(row), len(row) + count)
        tokens += [None] * count if pair is None else _checked([pair[0], *[pair[1]] * (count - 1)])
        row += [model.tokenizer.mask_token_id] * count
        end = first + len(slot.masks)
    row += [*content[end:].tolist(), *tail.tolist()]
    return Layout(np.array(row, dtype=np.int64), tuple(places), tuple(tokens), tuple(ranges))


def _allowed(model: Model, slotted: SlottedText, slot: Slot) -> tuple[Allowed, Allowed]:
    """Tokens that may begin a word at a slot, and tokens that may continue it."""
    marked = is_marked(model, slotted, slot.masks.start)
    return model.pieces.words(marked=marked), model.pieces.words(marked=model.pieces.continues_marked)


def _checked(allowed: list[Allowed]) -> list[Allowed]:
    if not all(allowed):
        raise InputError(
            "no token of the vocabulary makes a word at a slot; allow every token (words false, or --any-token)"
        )
    return allowed
