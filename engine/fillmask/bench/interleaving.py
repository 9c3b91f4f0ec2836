"""Interleaving: in each round every block runs once, in random order."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Block = TypeVar("Block")


def interleave(
    blocks: Mapping[Key, Callable[[], Block]], enough: Callable[[Mapping[Key, list[Block]]], bool], seed: int = 0
) -> dict[Key, list[Block]]:
    """Run all blocks round by round, each round in a new random order.

    What slows the machine for a while slows all blocks of a round, so values of one round compare. A first round
    warms caches and does not count.

    Args:
        blocks: What to run, by name.
        enough: Gets the results after each round that counts; True ends the run.
        seed: Of the orders.

    Returns:
        The results of each block, round by round.
    """
    rng, keys = random.Random(seed), list(blocks)  # noqa: S311 -- no secret
    results: dict[Key, list[Block]] = {key: [] for key in keys}
    for key in rng.sample(keys, len(keys)):
        blocks[key]()
    while True:
        for key in rng.sample(keys, len(keys)):
            results[key].append(blocks[key]())
        if enough(results):
            return results
