"""Sequences of whole sentences, and batches of sequences of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask_export.training.errors import TrainingError
from fillmask_export.training.recipe import Recipe
from fillmask_export.training.shapes import Shapes
from fillmask_export.training.tokens import Tokens

# tokens; headings and the like have too little context around a mask
_SHORTEST = 6
_SHORTEST_TARGET = 16  # tokens of a target length
# Sequences are sorted by length within pools of this many batches; then the batches of a pool are shuffled.
_POOL = 64


@dataclass(frozen=True, slots=True)
class Sequences:
    """Positions of sequences in ``Tokens.ids``.

    Attributes:
        starts: ``int64[n]``.
        lengths: ``int64[n]``, in tokens, without special tokens.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def take(self, chosen: NDArray[np.int64]) -> Sequences:
        """The sequences at some indices, in the order of ``chosen``."""
        return Sequences(self.starts[chosen], self.lengths[chosen])


def held_out(tokens: Tokens, recipe: Recipe) -> NDArray[np.bool_]:
    """Choose documents for evaluation, independently of the order of the files.

    Documents are taken in the order of their hashes, except those with more tokens than are left to hold out. If half
    of these tokens or more are left, the other documents are large, and the smallest of them is taken too.

    Returns:
        ``bool[documents]``. Equal documents are held out together.

    Raises:
        TrainingError: There is one document, or copies of it.
    """
    texts, which = np.unique(tokens.hashes, return_inverse=True)
    sizes = np.bincount(which[tokens.documents], tokens.lengths, minlength=len(texts)).astype(np.float64)
    order = np.argsort(texts ^ np.uint64(recipe.seed * 0x9E3779B97F4A7C15 % 2**64))
    chosen = _choose(sizes[order], min(recipe.held_out, sizes.sum() / 10))
    if not sizes[order][chosen].sum():
        raise TrainingError(
            f"the files hold one document ({len(which)} times), too few to hold some out; "
            "empty lines separate documents"
        )
    return np.isin(tokens.hashes, texts[order[chosen]])


def _choose(sizes: NDArray[np.float64], quota: float) -> NDArray[np.bool_]:
    """Choose documents by their sizes, about a quota, and never all."""
    chosen = _fill_quota(sizes, quota)
    others = np.where(chosen, np.inf, sizes)
    if sizes[chosen].sum() <= quota / 2 and others.min() <= sizes.sum() / 2:
        chosen[others.argmin()] = True
    return chosen


def _fill_quota(sizes: NDArray[np.float64], quota: float) -> NDArray[np.bool_]:
    """Take each item that is within what is left of a quota; a larger one is passed over."""
    taken = np.zeros(len(sizes), bool)
    left = np.arange(len(sizes))
    while len(left):
        count = int(np.searchsorted(np.cumsum(sizes[left]), quota, side="right"))
        taken[left[:count]] = True
        quota -= sizes[left[:count]].sum()
        left = left[count:][sizes[left[count:]] <= quota]
    return taken


def cut(
    tokens: Tokens, chosen: NDArray[np.bool_], recipe: Recipe, rng: np.random.Generator, max_content: int
) -> Sequences:
    """Cut documents into sequences at the ends of sentences.

    Target lengths are drawn and laid along the text. A sequence ends with the first sentence that ends past its target,
    and at the end of its document. A short sequence also ends with its paragraph.

    Args:
        tokens: The text.
        chosen: ``bool[documents]``, the documents to cut.
        recipe: Has the lengths of sequences.
        rng: Draws the target lengths.
        max_content: Tokens of the longest sequence, without special tokens.
    """
    begins = np.cumsum(tokens.lengths) - tokens.lengths
    targets, long = _targets(int(tokens.lengths.sum()), recipe, rng, max_content)
    target = np.searchsorted(np.cumsum(targets), begins, side="right")
    first = np.ones(len(begins), bool)
    first[1:] = (np.diff(target) != 0) | (np.diff(tokens.documents) != 0)
    first |= tokens.paragraphs & ~long[target]
    starts = np.flatnonzero(first)
    lengths = np.minimum(np.add.reduceat(tokens.lengths, starts), max_content)
    keep = chosen[tokens.documents[starts]] & (lengths >= min(_SHORTEST, max_content))
    return Sequences(begins[starts][keep], lengths[keep])


def _targets(
    total: int, recipe: Recipe, rng: np.random.Generator, max_content: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Target lengths that fill ``total`` tokens, and which of them are long."""
    targets, long = np.zeros(0, np.int64), np.zeros(0, bool)
    while (missing := total - int(targets.sum())) > 0:
        more = _draw(missing, recipe, rng, max_content)
        targets, long = np.concatenate([targets, more[0]]), np.concatenate([long, more[1]])
    return targets, long


def _draw(
    total: int, recipe: Recipe, rng: np.random.Generator, max_content: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Target lengths of usually more than ``total`` tokens; few of great variance may have less."""
    short = min(recipe.short_length, max_content)
    shortest = min(_SHORTEST_TARGET, short)
    mean_short, mean_long = (shortest + short) / 2, (short + max_content) / 2
    share = recipe.long_share / mean_long / (recipe.long_share / mean_long + (1 - recipe.long_share) / mean_short)
    count = int(1.1 * total / (share * mean_long + (1 - share) * mean_short)) + 64
    long = rng.random(count) < share
    return np.where(long, rng.integers(short, max_content + 1, count), rng.integers(shortest, short + 1, count)), long


def batches(sequences: Sequences, rng: np.random.Generator, shapes: Shapes, special: int) -> Iterator[Sequences]:
    """Sequences in random order, in batches of similar length.

    Args:
        sequences: The sequences of an epoch.
        rng: Draws the order.
        shapes: The shapes that a batch may have. A batch has as many sequences as its shape has rows; one batch of a
            pool has fewer.
        special: Number of special tokens in a sequence.
    """
    order = rng.permutation(len(sequences.starts))
    pools = np.cumsum(sequences.lengths[order] + special) // (shapes.limit * _POOL)
    for pool in np.split(order, np.flatnonzero(np.diff(pools)) + 1):
        ordered = pool[np.argsort(-sequences.lengths[pool], kind="stable")]
        made = list(_fill(ordered, sequences.lengths[ordered] + special, shapes))
        for index in rng.permutation(len(made)):
            yield sequences.take(made[index])


def _fill(ordered: NDArray[np.int64], sizes: NDArray[np.int64], shapes: Shapes) -> Iterator[NDArray[np.int64]]:
    """Fill batches from the longest sequence to the shortest: only the last of them has rows left."""
    start = 0
    while start < len(ordered):
        rows, _ = shapes.of(int(sizes[start]))
        yield ordered[start : start + rows]
        start += rows
