"""The verb ``rank``: candidates of any number of tokens, ordered by how well they fill each slot of a text.

A candidate of k pieces takes the place of the slot's mask as k tokens; the tokens of the text around it stay. Two
methods differ in what is masked while a piece is read, and both are distributions over the k tokens:

- ``"l2r"``: the piece and the later ones. The default; one row for each distinct prefix of the candidates.
- ``"parallel"``: all pieces. One row for each number of pieces; pieces then do not know of each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fillmask.candidates import Candidate, Candidates
from fillmask.contexts import SlotContext, is_marked, slot_context
from fillmask.errors import InputError
from fillmask.log_scoring import log_softmax_at
from fillmask.masking import MaskingTruncation, check_masking_truncation
from fillmask.model import Model
from fillmask.predicting import Slots
from fillmask.prefixes import Node, in_parallel, left_to_right
from fillmask.results import Results, short_repr, to_dict
from fillmask.slots import Slot, SlottedText, count_masks, read_slots
from fillmask.tasks import Read, Result, Task, Verb, read_all

RankMethod: TypeAlias = Literal["l2r", "parallel"]
Normalize: TypeAlias = Literal["pieces", "characters"]


@dataclass(frozen=True, slots=True, repr=False)
class Ranked:
    """A candidate at a slot.

    Attributes:
        text: The candidate, as the caller wrote it.
        log_prob: The sum over its pieces, in nats.
        score: A softmax over the candidates: of ``log_prob``, or of what ``normalize`` makes of it.
        pieces: How many tokens it has.
        token_ids: Their ids.
        start: Where the slot begins in the caller's text, in code points.
        end: Where it ends there.
    """

    text: str
    log_prob: float
    score: float
    pieces: int
    token_ids: tuple[int, ...]
    start: int
    end: int

    __repr__ = short_repr
    to_dict = to_dict


Ranking: TypeAlias = Results[list[Ranked]]
"""One list per slot, left to right, each best first."""


@dataclass(frozen=True, slots=True)
class LogProbsOf:
    """Reads the log probabilities of some tokens at each position.

    Attributes:
        tokens: Those of each position.
    """

    tokens: tuple[tuple[int, ...], ...]

    def __call__(self, logits: NDArray[np.float32]) -> list[dict[int, float]]:
        """Give nats by token for each row of ``logits float32[m, V]``."""
        ids = [np.array(each, dtype=np.int64) for each in self.tokens]
        log_probs = [log_softmax_at(row, each).tolist() for row, each in zip(logits, ids, strict=True)]
        return [dict(zip(each, values, strict=True)) for each, values in zip(self.tokens, log_probs, strict=True)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The arguments of a call, checked."""

    candidates: Candidates
    method: RankMethod = "l2r"
    normalize: Normalize | None = None
    truncation: MaskingTruncation | None = None
    slots: Slots | None = None

    def nodes(self, *, marked: bool) -> list[Node]:
        """The rows of one slot; they are made once for all texts."""
        walked = self.candidates.walked
        if (self.method, marked) not in walked:
            walk = left_to_right if self.method == "l2r" else in_parallel
            walked[self.method, marked] = walk(candidate.ids for candidate in self.candidates.of(marked=marked))
        return walked[self.method, marked]

    def rows(self, text: str) -> int:
        """How many rows a text takes, at most, from how many masks it has."""
        return max(1, count_masks(self.candidates.model, text)) * self.most_rows()

    def most_rows(self) -> int:
        """The rows of one slot, at most: where a word has no mark, candidates may have more pieces."""
        return max(len(self.nodes(marked=marked)) for marked in self.candidates.kinds)

    def most_pieces(self, *, marked: bool | None = None) -> int:
        """The most pieces of a candidate where words have the vocabulary's mark, or where not; None: at any slot."""
        kinds = self.candidates.kinds if marked is None else (marked,)
        return max(len(candidate.ids) for kind in kinds for candidate in self.candidates.of(marked=kind))


def resolve(
    model: Model,
    *,
    candidates: Sequence[str] = (),
    method: RankMethod = "l2r",
    normalize: Normalize | None = None,
    truncation: MaskingTruncation | None = None,
) -> Result[Parameters]:
    """Check the arguments of ``FillMask.rank``, once for all texts of a call.

    Raises:
        InputError: One of them is wrong.
    """
    if method not in get_args(RankMethod):
        raise InputError(f"method must be one of {', '.join(map(repr, get_args(RankMethod)))}, got {method!r}")
    if normalize is not None and normalize not in get_args(Normalize):
        raise InputError(f"normalize must be None, 'pieces' or 'characters', got {normalize!r}")
    check_masking_truncation(truncation)
    return Result(Parameters(Candidates(model, candidates), method, normalize, truncation))


def rank(model: Model, text: str, parameters: Parameters) -> Task[Ranking]:
    """Rank candidates at each slot of a text.

    Raises:
        InputError: The text has no mask, is too long, or the model does not take it.
    """
    slotted = read_slots(model, text, parameters.slots)
    contexts = [_context(model, slotted, slot, parameters) for slot in slotted.slots]
    nodes = [parameters.nodes(marked=context.marked) for context in contexts]
    mask = model.tokenizer.mask_token_id
    reads = (_read(context, node, mask) for context, some in zip(contexts, nodes, strict=True) for node in some)
    results = iter((yield from read_all(reads)))
    value: Ranking = Results()
    for slot, context, some in zip(slotted.slots, contexts, nodes, strict=True):
        found = {(node.pieces, node.prefix): next(results) for node in some}
        value.append(_ranked(slot, parameters.candidates.of(marked=context.marked), found, parameters))
    return Result(value)


RANK = Verb("rank", resolve, rank)


def softmax(values: Sequence[float]) -> list[float]:
    """The softmax of some numbers, in float64; equal shares if all are minus infinity."""
    most = max(values)
    if most == -math.inf:
        return [1 / len(values)] * len(values)
    exponentials = [math.exp(value - most) for value in values]
    total = math.fsum(exponentials)
    return [each / total for each in exponentials]


def _context(model: Model, slotted: SlottedText, slot: Slot, parameters: Parameters) -> SlotContext:
    most = parameters.most_pieces(marked=is_marked(model, slotted, slot.masks.start))
    return slot_context(model, slotted, slot, most, parameters.truncation)


def _read(context: SlotContext, node: Node, mask: int) -> Read:
    """One row; it runs beside rows of its own text only, so that a result depends on nothing else."""
    row = context.row([*node.prefix, *[mask] * (node.pieces - len(node.prefix))])
    first = context.before.size + len(node.prefix)
    return Read(row, np.arange(first, first + len(node.tokens)), LogProbsOf(node.tokens), alone=True)


def _ranked(
    slot: Slot,
    candidates: Sequence[Candidate],
    found: Mapping[tuple[int, tuple[int, ...]], list[dict[int, float]]],
    parameters: Parameters,
) -> list[Ranked]:
    pieces = _left_to_right if parameters.method == "l2r" else _in_parallel
    log_probs = [math.fsum(pieces(candidate.ids, found)) for candidate in candidates]
    values = list(_normalized(candidates, log_probs, parameters.normalize))
    ranked = [
        Ranked(candidate.text, log_prob, score, len(candidate.ids), candidate.ids, slot.start, slot.end)
        for candidate, log_prob, score in zip(candidates, log_probs, softmax(values), strict=True)
    ]
    order = sorted(range(len(ranked)), key=lambda index: (-values[index], ranked[index].token_ids))
    return [ranked[index] for index in order]


def _left_to_right(
    ids: tuple[int, ...], found: Mapping[tuple[int, tuple[int, ...]], list[dict[int, float]]]
) -> Iterator[float]:
    return (found[len(ids), ids[:place]][0][token] for place, token in enumerate(ids))


def _in_parallel(
    ids: tuple[int, ...], found: Mapping[tuple[int, tuple[int, ...]], list[dict[int, float]]]
) -> Iterator[float]:
    return (found[len(ids), ()][place][token] for place, token in enumerate(ids))


def _normalized(
    candidates: Iterable[Candidate], log_probs: Iterable[float], normalize: Normalize | None
) -> Iterator[float]:
    for candidate, log_prob in zip(candidates, log_probs, strict=True):
        sizes = {"pieces": len(candidate.ids), "characters": len(candidate.text)}
        yield log_prob / (sizes[normalize] if normalize else 1)
