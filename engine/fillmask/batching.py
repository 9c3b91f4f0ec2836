"""Which rows run together. Batching knows rows and no verb."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fillmask.tasks import Read


class RowLike(Protocol):
    """Anything with token ids and positions."""

    @property
    def input_ids(self) -> NDArray[np.int64]:
        """Token ids, ``int64[s]``."""

    @property
    def positions(self) -> NDArray[np.int64]:
        """Where the logits are read, ``int64[m]``."""


class BatchLimits(NamedTuple):
    """What limits a run, besides the number of its rows.

    Attributes:
        tokens: Padding included; longer rows make smaller batches.
        positions: Each has logits as long as the vocabulary.
    """

    tokens: int = 4096
    positions: int = 64


MAX_ROWS = 1024  # of one run
ANY_LENGTH = sys.maxsize
"""As ``padded_below``: rows of all lengths may be padded."""
CPU_LIMITS = BatchLimits()
GPU_LIMITS = BatchLimits(tokens=32_768, positions=256)


def plan(
    rows: Sequence[RowLike],
    batch_size: int,
    limits: BatchLimits = CPU_LIMITS,
    *,
    padded_below: int = ANY_LENGTH,
) -> list[list[int]]:
    """Choose which rows run together: rows of similar length that are read at equally many positions.

    Args:
        rows: In any order.
        batch_size: Rows of a batch, at most.
        limits: What else limits a batch.
        padded_below: Rows of fewer tokens may run together, padded. Longer ones run beside rows of their own length.

    Returns:
        Indices of rows, each once.
    """
    shapes = [(row.positions.size, row.input_ids.size) for row in rows]
    batches: list[list[int]] = []
    for index in sorted(range(len(rows)), key=shapes.__getitem__):
        positions, length = shapes[index]
        batch = batches[-1] if batches else []
        most = min(batch_size, limits.tokens // length, limits.positions // max(positions, 1))
        if batch and len(batch) < most and _alike(shapes[batch[0]], shapes[index], padded_below):
            batch.append(index)
        else:
            batches.append([index])
    return batches


def _alike(shortest: tuple[int, int], other: tuple[int, int], padded_below: int) -> bool:
    """Whether rows, as their positions and tokens, may run together."""
    return shortest == other or (shortest[0] == other[0] and other[1] < padded_below)


def distinct(reads: Sequence[Read]) -> tuple[list[Read], list[int]]:
    """Drop reads that give what another read gives.

    Returns:
        The distinct reads in order, and for each read the index of its equal.
    """
    places: dict[object, int] = {}
    kept: list[Read] = []
    indices = []
    for read in reads:
        place = places.setdefault((read.input_ids.tobytes(), read.positions.tobytes(), read.reading), len(kept))
        if place == len(kept):
            kept.append(read)
        indices.append(place)
    return kept, indices
