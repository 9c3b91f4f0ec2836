"""The slots of a text: where its masks stand in the caller's own text, in code points.

Positions come from a scan of the text, not from the tokenizer, whose offsets of a mask may include the space before it.
The scan must find as many masks as the tokenizer does. Masks that stand glued to each other are one slot of several
pieces. Masks with white space between them are slots of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask.encoding import check_text
from fillmask.errors import InputError, NoMaskError, TextError
from fillmask.locating import locate
from fillmask.model import Model
from fillmask.spans import Span, UnifiedText, unify_masks


class Slot(NamedTuple):
    """A place in a text that is to be filled.

    Attributes:
        start: Where it begins in the caller's text.
        end: Where it ends there; equal to ``start`` if it stands between two characters.
        masks: Its masks, as indices into ``SlottedText.masks``.
    """

    start: int
    end: int
    masks: range


class SlottedText(NamedTuple):
    """A text, its token ids and its slots.

    Attributes:
        text: The caller's text.
        ids: Its tokens, ``int64[s]``, with the special tokens of the template and a mask token for each mask.
        places: The index of each mask token in ``ids``, from left to right.
        masks: The span of each mask token in the caller's text, likewise.
        slots: The slots, from left to right. A mask that belongs to none is context: it stays masked.
    """

    text: str
    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    masks: list[Span]
    slots: list[Slot]

    def before(self, mask: int) -> str:
        """The caller's text before a mask, up to the mask that is glued to it."""
        return self.text[: self.masks[mask].start]


def read_slots(model: Model, text: str, slots: Sequence[tuple[int, int]] | None = None) -> SlottedText:
    """Tokenize a text and find its slots.

    Args:
        model: The model.
        text: The caller's text.
        slots: Spans of the text, ascending; a mask replaces each. Nothing else in the text is then a placeholder, and
            the model's own mask elsewhere in it is context. None takes the masks and placeholders of the text.

    Raises:
        NoMaskError: There is no slot.
        TextError: The text is no text, holds a token that the model lacks, or the tokenizer does not read its masks as
            the scan does.
        InputError: ``slots`` are not spans of the text, or overlap.
        ForkError: This process is a fork of the one that loaded the model.
    """
    model.session.check_process()
    check_text(text)
    mask = model.tokenizer.mask_token
    if slots is None:
        unified = unify_masks(text, model.encoder.placeholders_of(text), mask)
        chosen = None
    else:
        unified, chosen = _put_masks(text, check_slots(text, slots), mask)
    places = _find(unified.text, mask)
    if not places:
        raise NoMaskError(model.encoder.windows.no_mask())
    ids = model.encoder.encode(unified.text)
    model.check_known(ids)
    located = locate(ids, model.tokenizer.mask_token_id)
    _check_count(len(places), located.size, mask)
    masks = [_span(unified, place, mask) for place in places]
    return SlottedText(text, ids, located, masks, _glued(masks) if chosen is None else _chosen(masks, places, chosen))


def count_masks(model: Model, text: str) -> int:
    """Count the masks of a text as a scan of it finds them, without tokenizing it."""
    return sum(text.count(each) for each in {model.tokenizer.mask_token, *model.encoder.placeholders_of(text)})


def check_slots(text: str, slots: object) -> list[Span]:
    """Check spans that a caller gives.

    Raises:
        InputError: They are not pairs ``(start, end)`` within the text, ascending and without overlap.
    """
    if not isinstance(slots, Sequence) or isinstance(slots, (str, bytes)) or not slots:
        raise InputError(f"slots must be a list of pairs (start, end), at least one, got {slots!r}")
    spans: list[Span] = []
    for index, pair in enumerate(slots):
        if not _is_pair(pair):
            raise InputError(f"slots[{index}] must be a pair of whole numbers (start, end), got {pair!r}")
        start, end = pair
        least = spans[-1].end if spans else 0
        if not least <= start <= end <= len(text) or (spans and spans[-1] == (start, end)):
            raise InputError(
                f"slots[{index}] is {(start, end)}; a slot is a part of the text, from {least} on and up to {len(text)}"
            )
        spans.append(Span(int(start), int(end)))
    return spans


def _is_pair(pair: object) -> bool:
    pair = tuple(pair) if isinstance(pair, (list, tuple)) else ()
    return len(pair) == 2 and all(isinstance(each, (int, np.integer)) and not isinstance(each, bool) for each in pair)


def _put_masks(text: str, slots: Sequence[Span], mask: str) -> tuple[UnifiedText, list[int]]:
    """Replace spans by the mask; also give where each mask then begins."""
    parts: list[str] = []
    origins: list[Span] = []
    chosen, last = [], 0
    for slot in [*slots, Span(len(text), len(text))]:
        parts.append(text[last : slot.start])
        origins += [Span(index, index + 1) for index in range(last, slot.start)]
        chosen.append(len(origins))
        parts.append(mask)
        origins += [slot] * len(mask)
        last = slot.end
    return UnifiedText("".join(parts[:-1]), origins[: -len(mask)]), chosen[:-1]


def _find(text: str, mask: str) -> list[int]:
    places, at = [], text.find(mask)
    while at >= 0:
        places.append(at)
        at = text.find(mask, at + len(mask))
    return places


def _span(unified: UnifiedText, place: int, mask: str) -> Span:
    end = place + len(mask)
    if unified.origins is None:
        return Span(place, end)
    return Span(unified.origins[place].start, unified.origins[end - 1].end)


def _check_count(scanned: int, tokenized: int, mask: str) -> None:
    if scanned != tokenized:
        raise TextError(
            f"the text has {scanned} masks ({mask}) and the tokenizer reads {tokenized}, so their places in the text "
            f"are unknown; remove what the tokenizer reads differently (in Python, slots=[(start, end)] names places)"
        )


def _glued(masks: Sequence[Span]) -> list[Slot]:
    slots: list[Slot] = []
    for index, (start, end) in enumerate(masks):
        if slots and slots[-1].end == start:
            slots[-1] = Slot(slots[-1].start, end, range(slots[-1].masks.start, index + 1))
        else:
            slots.append(Slot(start, end, range(index, index + 1)))
    return slots


def _chosen(masks: Sequence[Span], places: Sequence[int], chosen: Sequence[int]) -> list[Slot]:
    indices = {place: index for index, place in enumerate(places)}
    if missing := [place for place in chosen if place not in indices]:
        raise TextError(f"the text before character {missing[0]} and the mask of a slot read as another mask; move it")
    return [Slot(*masks[indices[place]], range(indices[place], indices[place] + 1)) for place in chosen]
