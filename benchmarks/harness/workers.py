"""The contenders of a suite, all loaded, each in a process of its own; one runs while the others are stopped."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from benchmarks.device import CPU, Device
from benchmarks.harness.handlers import HANDLERS
from benchmarks.harness.rounds import progress
from benchmarks.harness.worker import ContenderError, Worker
from benchmarks.models.folders import ModelFolders


@dataclass(frozen=True, slots=True)
class Setup:
    """How a contender runs.

    Attributes:
        contender: Its name.
        threads: Of one run; 0 takes the contender's default.
        device: Where it runs.
    """

    contender: str
    threads: int = 0
    device: Device = CPU


class Workers:
    """The processes. Used as a context manager, which loads all contenders.

    Args:
        folders: Of the model.
        setups: By a name of the suite's own.

    Attributes:
        settings: Of each contender that loaded.
        failed: By name, why the others did not load.
    """

    def __init__(self, folders: ModelFolders, setups: Mapping[str, Setup]) -> None:
        self.settings: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self._setups, self._folders = setups, folders.as_json()
        self._workers: dict[str, Worker] = {}
        self._stack = ExitStack()

    @property
    def loaded(self) -> list[str]:
        """Contenders that have loaded."""
        return list(self.settings)

    def call(self, name: str, command: str, /, **arguments: Any) -> Any:  # noqa: ANN401 -- JSON
        """Run a command of one contender while the others are stopped.

        Raises:
            ContenderError: The command or the process failed.
        """
        return self._workers[name].call(command, **arguments)

    def __enter__(self) -> Workers:
        with self._stack.pop_all() as stack, progress(list(self._setups.items()), "loading") as setups:
            for name, setup in setups:
                self._load(stack.enter_context(Worker(HANDLERS)), name, setup)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _load(self, worker: Worker, name: str, setup: Setup) -> None:
        arguments = {"folders": self._folders, "threads": setup.threads, "device": setup.device.name}
        try:
            self.settings[name] = worker.call("load", name=setup.contender, **arguments)
            self._workers[name] = worker
        except ContenderError as error:
            self.failed[name] = str(error)
            worker.close()
