"""Blocks in this process, by turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TypeVar

from benchmarks.harness.rounds import MOST, Settled, progress

SEED = 0
_Block = TypeVar("_Block")


def take_turns(
    blocks: Mapping[str, Callable[[], _Block]], rounds: int, label: str, settled: Settled[_Block] | None = None
) -> dict[str, list[_Block]]:
    """Let every block run once a round, in an order that each round draws anew.

    Args:
        blocks: By name.
        rounds: That count; one before them does not.
        label: For the progress bar.
        settled: As for ``play``.

    Returns:
        What each gave, round by round.
    """
    rng = random.Random(SEED)  # noqa: S311 -- no secret
    given: dict[str, list[_Block]] = {name: [] for name in blocks}
    for time in range(MOST):
        with progress(range(bool(time), rounds + 1), label) as counted:
            for number in counted:
                for name in rng.sample(list(blocks), len(blocks)):
                    block = blocks[name]()
                    if number:
                        given[name].append(block)
        if settled is None or settled(given):
            break
    return given
