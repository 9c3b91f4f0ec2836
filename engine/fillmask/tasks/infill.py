"""The verb ``infill``: the slots of a text filled together, with words of one or several tokens.

``predict`` fills each mask as if the others stayed masked. ``infill`` searches for tokens that fit each other. The
conditional probabilities of a masked LM depend on the order in which tokens are chosen, and so does ``log_prob``:

- ``"left"``: from left to right, by a beam search. ``log_prob`` is then that of ``rank`` with ``"l2r"``.
- ``"confident"``: the place with the highest probability first.
- ``"independent"``: each as if no other were chosen, in one run; the sum of what ``predict`` gives.

Fills of different numbers of tokens are different events. They are compared by the mean log probability of a token,
which favors long predictable words; ``normalize=None`` compares sums, which favor few tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias, get_args

import numpy as np

from fillmask.errors import InputError, UnusedWarning
from fillmask.hypotheses import Hypothesis, Layout, Search, confident, independent, left, refine
from fillmask.layouts import SlotSizes, make_layouts
from fillmask.masking import MaskingTruncation, check_masking_truncation
from fillmask.model import Model
from fillmask.notices import Notice
from fillmask.parameters import DEFAULT_TOP_K
from fillmask.predicting import Slots
from fillmask.results import Results, short_repr, to_dict
from fillmask.slots import SlottedText, read_slots
from fillmask.tasks import Result, Task, Verb

Order: TypeAlias = Literal["left", "confident", "independent"]
Normalize: TypeAlias = Literal["pieces"]
Pieces: TypeAlias = "int | tuple[int, int]"

DEFAULT_WIDTH = 8
_MOST_WIDTH = 256
_MOST_PIECES = 16
MOST_LAYOUTS = 64
"""Combinations of numbers of pieces, over all slots of a text."""

_SEARCHES: dict[Order, Callable[[Layout, int, int], Search]] = {
    "left": left,
    "confident": confident,
    "independent": independent,
}


@dataclass(frozen=True, slots=True, repr=False)
class Fill:
    """What stands at one slot.

    Attributes:
        text: What is written there, with a space before it where it would otherwise be glued to a word.
        start: Where the slot begins in the caller's text, in code points.
        end: Where it ends there.
        log_prob: The sum over its tokens, in nats.
        token_ids: Its tokens.
    """

    text: str
    start: int
    end: int
    log_prob: float
    token_ids: tuple[int, ...]

    __repr__ = short_repr
    to_dict = to_dict


@dataclass(frozen=True, slots=True, repr=False)
class Infill:
    """A text with all its slots filled.

    Attributes:
        filled: The caller's text with ``text`` of each fill in its slot. Nothing else in it changes.
        log_prob: The sum over all tokens, in nats, each given those chosen before it.
        score: ``exp(log_prob)``.
        fills: One for each slot, left to right.
    """

    filled: str
    log_prob: float
    score: float
    fills: tuple[Fill, ...]

    __repr__ = short_repr
    to_dict = to_dict


@dataclass(frozen=True, slots=True)
class Parameters:
    """The arguments of a call, checked."""

    top_k: int
    order: Order
    width: int
    pieces: tuple[int, int]
    refine: int
    words: bool
    normalize: Normalize | None
    truncation: MaskingTruncation | None
    slots: Slots | None


def resolve(  # noqa: PLR0913 -- one parameter an option
    _: Model,
    *,
    top_k: int | None = None,
    order: Order = "left",
    width: int = DEFAULT_WIDTH,
    pieces: Pieces = 1,
    refine: int = 0,
    words: bool = True,
    normalize: Normalize | None = "pieces",
    truncation: MaskingTruncation | None = None,
    slots: Slots | None = None,
) -> Result[Parameters]:
    """Check the arguments of ``FillMask.infill``, once for all texts of a call.

    Returns:
        The arguments, and a notice of a ``width`` that has no effect.

    Raises:
        InputError: One of them is wrong.
    """
    top_k = _check_number("top_k", DEFAULT_TOP_K if top_k is None else top_k, 1, 1000)
    width, refine = _check_number("width", width, 1, _MOST_WIDTH), _check_number("refine", refine, 0, 100)
    if order not in get_args(Order):
        raise InputError(f"order must be one of {', '.join(map(repr, get_args(Order)))}, got {order!r}")
    if normalize not in (None, "pieces"):
        raise InputError(f"normalize must be 'pieces' or None, got {normalize!r}")
    if not isinstance(words, bool):
        raise InputError(f"words must be True or False, got {words!r}")
    check_masking_truncation(truncation)
    parameters = Parameters(top_k, order, width, _check_pieces(pieces), refine, words, normalize, truncation, slots)
    return Result(parameters, tuple(_unused(parameters)))


def _unused(parameters: Parameters) -> Iterator[Notice]:
    if parameters.order == "independent" and parameters.width != DEFAULT_WIDTH:
        message = f"width {parameters.width} has no effect with order 'independent', which chooses each token by itself"
        yield Notice(UnusedWarning, message)


def _is_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and least <= int(value) <= most


def _check_number(name: str, value: int, least: int, most: int) -> int:
    if not _is_number(value, least, most):
        raise InputError(f"{name} must be a whole number from {least} to {most}, got {value!r}")
    return int(value)


def _check_pieces(pieces: object) -> tuple[int, int]:
    pair = tuple(pieces) if isinstance(pieces, (tuple, list)) else (pieces, pieces)
    if len(pair) != 2 or not all(_is_number(each, 1, _MOST_PIECES) for each in pair) or pair[0] > pair[1]:
        raise InputError(
            f"pieces must be a whole number from 1 to {_MOST_PIECES}, or the least and the most as in [1, 3], "
            f"got {pieces!r}"
        )
    return int(pair[0]), int(pair[1])


def infill(model: Model, text: str, parameters: Parameters) -> Task[Results[Infill]]:
    """Fill the slots of a text together.

    Raises:
        InputError: The text has no mask, there are too many combinations of pieces, or the model does not take it.
    """
    slotted = read_slots(model, text, parameters.slots)
    found: list[tuple[Layout, Hypothesis]] = []
    layouts = make_layouts(
        model, slotted, _sizes(slotted, parameters.pieces), words=parameters.words, truncation=parameters.truncation
    )
    for layout in layouts:
        hypotheses = yield from _SEARCHES[parameters.order](layout, parameters.width, parameters.top_k)
        if parameters.refine:
            hypotheses = yield from refine(layout, hypotheses, parameters.refine)
        found += [(layout, each) for each in hypotheses]
    found.sort(key=lambda pair: -_compared(pair[1], parameters.normalize))
    return Result(Results(_distinct(model, slotted, found)[: parameters.top_k]))


INFILL = Verb("infill", resolve, infill)


def _sizes(slotted: SlottedText, pieces: tuple[int, int]) -> list[SlotSizes]:
    """All combinations of numbers of pieces; a slot of several masks has as many pieces as masks."""
    least, most = pieces
    choices = [range(least, most + 1) if len(slot.masks) == 1 else (len(slot.masks),) for slot in slotted.slots]
    if (count := math.prod(map(len, choices))) > MOST_LAYOUTS:
        raise InputError(
            f"{len(choices)} slots of {least} to {most} pieces have {count} combinations, at most {MOST_LAYOUTS} are "
            f"searched; allow fewer pieces, or write each slot with as many masks as it has pieces"
        )
    return list(product(*choices))


def _compared(hypothesis: Hypothesis, normalize: Normalize | None) -> float:
    return hypothesis.log_prob / (len(hypothesis.tokens) if normalize else 1)


def _distinct(model: Model, slotted: SlottedText, found: Sequence[tuple[Layout, Hypothesis]]) -> list[Infill]:
    """The results in order; of several that fill the text alike, as one word in other pieces, the first."""
    results: dict[str, Infill] = {}
    for layout, hypothesis in found:
        result = _result(model, slotted, layout, hypothesis)
        results.setdefault(result.filled, result)
    return list(results.values())


def _result(model: Model, slotted: SlottedText, layout: Layout, hypothesis: Hypothesis) -> Infill:
    filled, end, fills = "", 0, []
    for slot, places in zip(slotted.slots, layout.slots, strict=True):
        filled += slotted.text[end : slot.start]
        tokens = tuple(token for place in places if (token := hypothesis.tokens[place]) is not None)
        text = model.pieces.joined(tokens, filled)
        log_prob = math.fsum(hypothesis.log_probs[place] for place in places)
        fills.append(Fill(text, slot.start, slot.end, log_prob, tokens))
        filled, end = filled + text, slot.end
    log_prob = hypothesis.log_prob
    return Infill(filled + slotted.text[end:], log_prob, math.exp(log_prob), tuple(fills))
