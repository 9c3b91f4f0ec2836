"""Contenders alive together, asked one at a time, in an order that each round draws anew."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, TypeVar

import click

from benchmarks.harness.measuring import HANDLERS
from benchmarks.harness.worker import Worker, WorkerError
from benchmarks.models.folders import ModelFolders

_Block = TypeVar("_Block")
Settled = Callable[[Mapping[str, Sequence[_Block]]], bool]
"""Whether blocks, by contender and round by round, tell the control narrowly enough."""
MOST = 4
"""Times that the rounds are played until they do."""


class Field:
    """The contenders of a suite, each loaded in a process of its own. Used as a context manager.

    Args:
        folders: Of the model.
        entries: By what an entry is called here, its contender and the threads of one run.

    Attributes:
        settings: Of each contender that has loaded.
        failed: Why the others have not, or what ended them later.
    """

    def __init__(self, folders: ModelFolders, entries: Mapping[str, tuple[str, int]]) -> None:
        self.settings: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self._entries, self._folders = entries, folders.as_json()
        self._workers: dict[str, Worker] = {}
        self._stack = ExitStack()

    @property
    def alive(self) -> list[str]:
        """Contenders that have not failed."""
        return [name for name in self._workers if name not in self.failed]

    def ask(self, name: str, command: str, /, **arguments: Any) -> Any:  # noqa: ANN401 -- JSON
        """Ask one contender while the others are stopped.

        Returns:
            Its answer; None where it fails, now or before.
        """
        if name in self.failed:
            return None
        try:
            return self._workers[name].ask(command, **arguments)
        except WorkerError as error:
            self.fail(name, str(error))
        return None

    def fail(self, name: str, reason: str) -> None:
        """Ask a contender no more."""
        self.failed[name] = reason
        self._workers[name].close()

    def __enter__(self) -> Field:
        with self._stack.pop_all() as stack, progress(list(self._entries.items()), "loading") as entries:
            for name, (contender, threads) in entries:
                self._workers[name] = stack.enter_context(Worker(HANDLERS))
                settings = self.ask(name, "load", name=contender, folders=self._folders, threads=threads)
                if settings is not None:
                    self.settings[name] = settings
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def play(
    field: Field,
    rounds: int,
    seed: int,
    *,
    label: str,
    block: Callable[[str], _Block | None],
    settled: Settled[_Block] | None = None,
) -> dict[str, list[_Block]]:
    """Let every contender do its block once a round, in random order.

    Args:
        field: The contenders.
        rounds: That count; one before them does not.
        seed: Of the orders.
        label: For the progress bar.
        block: Asks a contender; None where it failed.
        settled: Whether these are rounds enough; if not, as many again are played, up to ``MOST`` times in all.

    Returns:
        Blocks by contender, round by round, of those that did not fail.
    """
    rng = random.Random(seed)  # noqa: S311 -- no secret
    found: dict[str, list[_Block]] = {name: [] for name in field.alive}
    for time in range(MOST):
        with progress(range(bool(time), rounds + 1), label) as counted:
            for number in counted:
                for name in rng.sample(field.alive, len(field.alive)):
                    done = block(name)
                    if number and done is not None:
                        found[name].append(done)
        if settled is None or settled(found):
            break
    return {name: blocks for name, blocks in found.items() if name not in field.failed}


def progress(items: Sequence[Any], label: str) -> Any:  # noqa: ANN401 -- click's class is private
    """A progress bar on stderr."""
    return click.progressbar(items, label=f"{label:28}", file=sys.stderr)
