"""Rounds: each times every cell once, in random order, so that what slows the machine down slows all of them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fillmask.bench.setups import Cell
from fillmask.pipeline import FillMask

_BLOCK_S = 0.05
_LEAST_ROUNDS = 3

Samples = dict[Cell, list[list[float]]]
"""Of each cell and round, how many seconds the texts took: each, or where they run together a text on average."""


@dataclass(slots=True)
class Timer:
    """Times one cell for a moment.

    Attributes:
        engines: The loaded models, by variant and threads.
        texts: Texts of each length.
        top_k: Predictions per mask.
    """

    engines: Mapping[tuple[str, int], FillMask]
    texts: Mapping[int, Sequence[str]]
    top_k: int
    _pace: dict[Cell, float] = field(default_factory=dict)

    def block(self, cell: Cell) -> list[float]:
        """Seconds a text, one number for each call; the first call, with cold caches, only counts if it is the only."""
        setup, texts = cell.setup, self.texts[cell.tokens]
        fill_mask = self.engines[setup.variant, setup.threads]
        if not setup.alone:
            return [self._many(cell, fill_mask, texts)]
        seconds: list[float] = []
        while sum(seconds) < _BLOCK_S:
            start = time.perf_counter()
            fill_mask.predict(texts[len(seconds) % len(texts)], top_k=self.top_k)
            seconds.append(time.perf_counter() - start)
        return seconds[1:] or seconds

    def _many(self, cell: Cell, fill_mask: FillMask, texts: Sequence[str]) -> float:
        setup = cell.setup
        least = setup.workers * setup.batch_size
        shares = int(_BLOCK_S / (self._pace.get(cell, _BLOCK_S) * least)) or 1
        asked = [texts[number % len(texts)] for number in range(least * shares)]
        start = time.perf_counter()
        for _ in fill_mask.predict_many(
            asked, top_k=self.top_k, workers=setup.workers, batch_size=setup.batch_size
        ):  # fmt: skip
            pass
        self._pace[cell] = (time.perf_counter() - start) / len(asked)
        return self._pace[cell]


def measure(
    block: Callable[[Cell], list[float]], cells: Sequence[Cell], seconds: float, tick: Callable[[float], None]
) -> Samples:
    """Time the cells for a while.

    Args:
        block: Times a cell.
        cells: What to time.
        seconds: How long, about; three rounds, and one more that does not count, are made in any case.
        tick: Is told after each block how many seconds it took.
    """
    rng, samples, rounds, start = random.Random(0), Samples(), 0, time.perf_counter()  # noqa: S311 -- no secret
    while rounds <= _LEAST_ROUNDS or (time.perf_counter() - start) * (rounds + 0.5) / rounds < seconds:
        for cell in rng.sample(cells, len(cells)):
            began = time.perf_counter()
            samples.setdefault(cell, []).append(block(cell))
            tick(time.perf_counter() - began)
        rounds += 1
    return {cell: rounds[1:] for cell, rounds in samples.items()}
