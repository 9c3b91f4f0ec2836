"""Contenders on a device, each in a process of its own; and what such a process does."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from benchmarks.contenders import Answer
from benchmarks.contenders.gpu_ import PEAK, Device, open_on
from benchmarks.harness.measuring import Measured
from benchmarks.harness.rounds import Field, Settled, progress
from benchmarks.harness.worker import Handlers, Worker
from benchmarks.measures.gpu_peak import Products
from benchmarks.measures.turns import take_turns
from benchmarks.models.folders import ModelFolders, from_json
from benchmarks.suites.roofline import Timed, rate

_HANDLERS = "benchmarks.measures.gpu_field:handlers"
_Key = TypeVar("_Key", bound=Hashable)


class BlockError(Exception):
    """What was asked of a contender failed; the contender lives on, as after a batch that was too large."""


class GpuField(Field):
    """The contenders. Used as a context manager.

    Args:
        folders: Of the model.
        names: Of the contenders.
        device: Where they run.

    Attributes:
        device: Where they run.
    """

    def __init__(self, folders: ModelFolders, names: Sequence[str], device: Device) -> None:
        super().__init__(folders, {name: (name, 0) for name in names})
        self.device = device

    def __enter__(self) -> GpuField:
        with self._stack.pop_all() as stack, progress(list(self._entries), "loading") as names:
            for name in names:
                self._workers[name] = stack.enter_context(Worker(_HANDLERS))
                settings = self.ask(name, "load", name=name, folders=self._folders, device=asdict(self.device))
                if settings is not None:
                    self.settings[name] = settings
            self._stack = stack.pop_all()
        return self

    def attempt(self, name: str, command: str, /, **arguments: Any) -> Any:  # noqa: ANN401 -- JSON
        """Ask one contender while the others are stopped.

        Raises:
            BlockError: It failed, now or before.
        """
        given = self.ask(name, command, **arguments)
        if given is None or given["failed"]:
            raise BlockError(given["failed"] if given else self.failed[name])
        return given["value"]


@dataclass(slots=True)
class Raced(Generic[_Key]):
    """What blocks gave.

    Attributes:
        values: Of those that did not fail, round by round.
        failed: Why the others did.
    """

    values: dict[_Key, list[Any]]
    failed: dict[_Key, str]


def race(
    blocks: Mapping[_Key, Callable[[], Any]], rounds: int, label: str, settled: Settled[Any] | None = None
) -> Raced[_Key]:
    """Let blocks take turns; one that fails is not asked again.

    Args:
        blocks: Each may raise a BlockError.
        rounds: That count.
        label: For the progress bar.
        settled: As for ``play``; it sees blocks under the text of their keys, without those that failed.
    """
    failed: dict[_Key, str] = {}

    def ask(key: _Key) -> Any:  # noqa: ANN401 -- whatever a block gives
        try:
            return None if key in failed else blocks[key]()
        except BlockError as error:
            failed[key] = str(error)
            return None

    def enough(given: Mapping[str, Sequence[Any]]) -> bool:
        gone = {str(key) for key in failed}
        return settled is None or settled({name: values for name, values in given.items() if name not in gone})

    gave = take_turns({str(key): partial(ask, key) for key in blocks}, rounds, label, enough)
    return Raced({key: gave[str(key)] for key in blocks if key not in failed}, failed)


def handlers() -> Handlers:
    """The commands of a contender's process."""
    process = _Process()
    asked = {name: _attempted(getattr(process, name)) for name in ("answers", "calls", "seconds", "rate")}
    return {"load": process.load, **asked}


class _Process:
    """A contender under the clock."""

    def __init__(self) -> None:
        self._measured = Measured()
        self._loaded: Any = None
        self.calls, self.seconds = self._measured.calls, self._measured.seconds

    def load(self, name: str, folders: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
        """Load a contender, or what makes products.

        Returns:
            Its settings.
        """
        there = Device(**device)
        self._loaded = Products(there) if name == PEAK else open_on(name, from_json(folders), there)
        self._measured._contender = self._loaded
        gc.collect()
        gc.freeze()
        settings: dict[str, Any] = self._loaded.settings
        return settings

    def answers(self, texts: list[str], batch_size: int) -> list[Answer]:
        """What it answers."""
        answers: list[Answer] = self._loaded.predict(texts, batch_size)
        return answers

    def rate(self, what: Any, operations: int, seconds: float) -> float:  # noqa: ANN401 -- texts, or a size
        """GOP/s of runs on texts, or of products of a size."""
        return rate(Timed(self._loaded.prepare_run(what), operations), seconds)


def _attempted(command: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """A command whose errors are part of its answer, so that they do not end the process."""

    def attempt(**arguments: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
        try:
            return {"value": command(**arguments), "failed": None}
        except Exception as error:  # a contender may raise anything; the record holds it
            return {"value": None, "failed": f"{type(error).__name__}: {error}"}

    return attempt
