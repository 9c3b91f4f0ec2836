"""The verb ``predict`` with options that read the caller's own text or treat each mask by itself.

``filled`` gives each prediction its place in the caller's text, ``words`` keeps whole words, ``slots`` names the places
to fill, and ``targets`` may be a list for each mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask.contexts import is_marked
from fillmask.errors import InputError, NoMaskError, TargetsError, TruncationWarning
from fillmask.model import Model, Row
from fillmask.notices import Notice
from fillmask.parameters import check_target_ids, check_top_k, resolve_targets
from fillmask.predicting import Slots, Targets, is_per_mask
from fillmask.results import Results
from fillmask.slots import SlottedText, read_slots
from fillmask.tasks import Read, Result, Task
from fillmask.tasks.predict import Prediction, Predictions, TopK
from fillmask.windows import Truncation, check_truncation


@dataclass(frozen=True, slots=True, repr=False)
class FilledPrediction(Prediction):
    """A prediction with its place in the caller's text.

    Attributes:
        start: Where the mask begins in the caller's text, in code points.
        end: Where the mask ends there.
        text: What stands for the token between ``start`` and ``end``: without the vocabulary's mark of words, and with
            a space before it where it would otherwise be glued to a word. A part of a character reads as U+FFFD.
        filled: The caller's text with ``text`` in place of this mask. Nothing else in it changes.
    """

    start: int
    end: int
    text: str
    filled: str


@dataclass(frozen=True, slots=True)
class TopKEach:
    """Reads each mask in its own way.

    Attributes:
        readings: One for each mask.
    """

    readings: tuple[TopK, ...]

    def __call__(self, logits: NDArray[np.float32]) -> list[list[tuple[int, float]]]:
        """Give ``(token, score)`` for each row of ``logits float32[m, V]``, best first."""
        return [reading(row[None])[0] for reading, row in zip(self.readings, logits, strict=True)]


class Parameters(NamedTuple):
    """The arguments of a call, checked and resolved.

    Attributes:
        top_k: Predictions for each mask, at most.
        targets: Of every mask, or of each; as in ``TopK``.
        words: Whether only whole words count.
        filled: Whether the result is a ``FilledPrediction``.
        slots: The places to fill, None for the masks of the text.
        truncation: As in ``predict``.
    """

    top_k: int
    targets: bytes | tuple[bytes, ...] | None
    words: bool
    filled: bool
    slots: Slots | None
    truncation: Truncation | None


def resolve_filled(
    model: Model,
    *,
    top_k: int | None = None,
    targets: Targets | None = None,
    truncation: Truncation | None = None,
    words: bool = False,
    filled: bool = False,
    slots: Slots | None = None,
) -> Result[Parameters]:
    """Check and resolve the arguments of a call.

    Raises:
        InputError: One of them is wrong. Its ``notices`` name targets that were replaced.
    """
    check_truncation(truncation)
    for name, value in (("words", words), ("filled", filled)):
        if not isinstance(value, bool):
            raise InputError(f"{name} must be True or False, got {value!r}")
    k = check_top_k(top_k, None if targets is not None or words else model.vocab_size)
    if targets is None:
        return Result(Parameters(k, None, words, filled, slots, truncation))
    if words:
        raise InputError("words=True and targets exclude each other: targets are scored whatever they are")
    each, notices = _resolve_each(model, targets if is_per_mask(targets) else [targets])
    chosen = each if is_per_mask(targets) else each[0]
    return Result(Parameters(k, chosen, words, filled, slots, truncation), notices)


def _resolve_each(model: Model, lists: Sequence[object]) -> tuple[tuple[bytes, ...], tuple[Notice, ...]]:
    found: list[bytes] = []
    notices: tuple[Notice, ...] = ()
    for index, targets in enumerate(lists):
        if len(lists) > 1 and not isinstance(targets, (list, tuple)):
            raise TargetsError(
                f"targets[{index}] must be a list, as the targets of the other masks are, got {targets!r}"
            )
        resolved = resolve_targets(model.tokenizer, targets)  # type: ignore[arg-type]
        check_target_ids(resolved.value, model.vocab_size)
        found.append(resolved.value.tobytes())
        notices += resolved.notices
    return tuple(found), notices


def predict_filled(model: Model, text: str, parameters: Parameters) -> Task[Predictions]:
    """Predict the tokens behind the masks of a text.

    Raises:
        InputError: The text has no mask, or another number of masks than of lists of targets, or the model does not
            take it.
    """
    slotted = read_slots(model, text, parameters.slots)
    wanted = [mask for slot in slotted.slots for mask in slot.masks]
    readings = dict(zip(wanted, _readings(model, slotted, wanted, parameters), strict=True))
    encoded = model.rows(slotted.ids, parameters.truncation)
    places = list(_places(encoded.rows, wanted))
    notices = encoded.notices if parameters.slots is None else _cut_slots(model, places, len(wanted))
    found = yield [_read(row, masks, readings) for row, masks in places]
    value = [
        _predictions(model, slotted, (row, index, mask), best, parameters)
        for (row, masks), results in zip(places, found, strict=True)
        for (index, mask), best in zip(masks, results, strict=True)
    ]
    return Result(Results(value), notices)


def _places(rows: Sequence[Row], wanted: Sequence[int]) -> Iterator[tuple[Row, list[tuple[int, int]]]]:
    """Of each row the masks that are wanted: the index of each in the row, and in the text."""
    first = 0
    for row in rows:
        masks = [(index, first + index) for index in range(row.positions.size) if first + index in wanted]
        first += row.positions.size
        if masks:
            yield row, masks


def _cut_slots(model: Model, places: Sequence[tuple[Row, list[tuple[int, int]]]], wanted: int) -> tuple[Notice, ...]:
    """A notice of the slots that are in no row, as ``Windows.cut`` gives one of masks; other masks are context."""
    cut = wanted - sum(len(masks) for _, masks in places)
    where = f"truncation 'right' cut off {cut} of the text's {wanted} slots, behind {model.max_length} tokens"
    if cut == wanted:
        raise NoMaskError(f"{where}; try 'window'")
    return (Notice(TruncationWarning, where),) if cut else ()


def _read(row: Row, masks: Sequence[tuple[int, int]], readings: dict[int, TopK]) -> Read:
    reading = TopKEach(tuple(readings[mask] for _, mask in masks))
    return Read(row.input_ids, row.positions[[index for index, _ in masks]], reading)


def _readings(model: Model, slotted: SlottedText, wanted: Sequence[int], parameters: Parameters) -> Iterator[TopK]:
    targets = parameters.targets
    if isinstance(targets, tuple) and len(targets) != len(wanted):
        raise TargetsError(
            f"targets has {len(targets)} lists, the text has {len(wanted)} masks; give one list for each"
        )
    firsts = {slot.masks.start for slot in slotted.slots}
    for index, mask in enumerate(wanted):
        chosen = targets[index] if isinstance(targets, tuple) else targets
        if parameters.words:
            marked = is_marked(model, slotted, mask) if mask in firsts else model.pieces.continues_marked
            chosen = model.pieces.words(marked=marked)
        k = parameters.top_k if chosen is None else min(parameters.top_k, len(chosen) // np.dtype(np.int64).itemsize)
        yield TopK(k, chosen)


def _predictions(
    model: Model,
    slotted: SlottedText,
    place: tuple[Row, int, int],
    best: Sequence[tuple[int, float]],
    parameters: Parameters,
) -> list[Prediction]:
    row, index, mask = place
    sequence = model.decoder.around(row.input_ids, int(row.positions[index]), single_mask=row.single_mask)
    plain = [(score, token, model.decoder.token_str(token), sequence(token)) for token, score in best]
    if not parameters.filled:
        return [Prediction(*each) for each in plain]
    (start, end), before, after = slotted.masks[mask], slotted.before(mask), slotted.text[slotted.masks[mask].end :]
    texts = [model.pieces.written(token, before) for token, _ in best]
    return [
        FilledPrediction(*each, start, end, text, before + text + after)
        for each, text in zip(plain, texts, strict=True)
    ]
