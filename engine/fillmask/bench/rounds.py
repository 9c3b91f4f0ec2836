"""Times of all cells in interleaved rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from fillmask.bench.interleaving import interleave
from fillmask.bench.setups import Cell
from fillmask.pipeline import FillMask

_BLOCK_S = 0.05
_LEAST_ROUNDS = 3

Samples = dict[Cell, list[list[float]]]
"""By cell and round, seconds per text: of each call, or the mean where texts run together."""


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
    _seconds_per_text: dict[Cell, float] = field(default_factory=dict)

    def block(self, cell: Cell) -> list[float]:
        """Seconds per text of each call; the first, with cold caches, counts only if it is the only one."""
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
        shares = int(_BLOCK_S / (self._seconds_per_text.get(cell, _BLOCK_S) * least)) or 1
        repeated = [texts[number % len(texts)] for number in range(least * shares)]
        start = time.perf_counter()
        list(fill_mask.predict_many(repeated, top_k=self.top_k, workers=setup.workers, batch_size=setup.batch_size))
        self._seconds_per_text[cell] = (time.perf_counter() - start) / len(repeated)
        return self._seconds_per_text[cell]


def measure(
    block: Callable[[Cell], list[float]], cells: Sequence[Cell], seconds: float, tick: Callable[[float], None]
) -> Samples:
    """Time the cells for a while.

    Args:
        block: Times a cell.
        cells: What to time.
        seconds: About how long. At least three rounds and the one that does not count run in any case.
        tick: Gets the seconds of each block.
    """
    start = time.perf_counter()

    def timed(cell: Cell) -> list[float]:
        began = time.perf_counter()
        times = block(cell)
        tick(time.perf_counter() - began)
        return times

    def enough(samples: Mapping[Cell, list[list[float]]]) -> bool:
        rounds = len(samples[cells[0]]) + 1  # the first does not count, but takes time
        return rounds > _LEAST_ROUNDS and (time.perf_counter() - start) * (rounds + 0.5) / rounds >= seconds

    return interleave({cell: partial(timed, cell) for cell in cells}, enough)
