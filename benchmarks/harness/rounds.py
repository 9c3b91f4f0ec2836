"""Blocks in interleaved rounds, as many as the control needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import click

from benchmarks.harness.stats import narrow
from benchmarks.harness.worker import ContenderError
from fillmask.bench.interleaving import Key, interleave

MOST = 4
"""The schedule of rounds runs up to so many times, until the control is narrow enough."""
SEED = 0
_Block = TypeVar("_Block")


@dataclass(frozen=True, slots=True)
class Rounds(Generic[Key, _Block]):
    """The results of blocks: of each one a round, or why it failed."""

    samples: dict[Key, list[_Block]]
    failed: dict[Key, str]

    def map(self, value: Callable[[_Block], float]) -> Rounds[Key, float]:
        """The same with each result as a number."""
        return Rounds({key: list(map(value, blocks)) for key, blocks in self.samples.items()}, self.failed)

    def pick(self, names: Mapping[Key, str]) -> Rounds[str, _Block]:
        """The results of some blocks, under other names."""
        samples = {name: self.samples[key] for key, name in names.items() if key in self.samples}
        return Rounds(samples, {name: self.failed[key] for key, name in names.items() if key in self.failed})


def run_rounds(
    blocks: Mapping[Key, Callable[[], _Block]],
    rounds: int,
    label: str,
    *,
    controls: Sequence[tuple[Key, Key]] = (),
    value: Callable[[Any], float] = float,
) -> Rounds[Key, _Block]:
    """Run blocks in interleaved rounds; one more round before them does not count.

    Args:
        blocks: What to run. A block that raises a ContenderError does not run again.
        rounds: The rounds that count.
        label: For the progress bar.
        controls: Pairs of a block and its control. While one of them is too wide, as many rounds again follow, up to
            ``MOST`` times in all.
        value: The number of a result, for the controls.
    """
    failed: dict[Key, str] = {}
    if not blocks:
        return Rounds({}, failed)
    with click.progressbar(length=(rounds + 1) * len(blocks), label=f"{label:28}", file=sys.stderr) as bar:

        def attempt(key: Key) -> Any:  # noqa: ANN401 -- a result, or None of a block that failed
            bar.update(1)
            try:
                return None if key in failed else blocks[key]()
            except ContenderError as error:
                failed[key] = str(error)
                return None

        def enough(results: Mapping[Key, list[Any]]) -> bool:
            played = len(next(iter(results.values())))
            if played % rounds:
                return False
            valid = {key: list(map(value, found)) for key, found in results.items() if key not in failed}
            if played >= MOST * rounds or all(narrow(valid.get(a, []), valid.get(b, [])) for a, b in controls):
                return True
            bar.length = (bar.length or 0) + rounds * len(blocks)
            return False

        results = interleave({key: partial(attempt, key) for key in blocks}, enough, SEED)
    return Rounds({key: found for key, found in results.items() if key not in failed}, failed)


def progress(items: Sequence[Any], label: str) -> Any:  # noqa: ANN401 -- click's class is private
    """A progress bar on stderr."""
    return click.progressbar(items, label=f"{label:28}", file=sys.stderr)
