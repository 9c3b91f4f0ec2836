"""The contenders of a suite, all loaded, each in a process of its own; one runs while the others are stopped."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.device import CPU, Device
from benchmarks.harness.measured import MeasuredContender
from benchmarks.harness.rounds import progress
from benchmarks.harness.worker import ContenderError, Worker
from benchmarks.models.folders import ModelFolders


class Workers:
    """The processes. Used as a context manager, which loads all contenders.

    Args:
        folders: Of the model.
        threads: By contender, of one run; 0 takes the contender's default.
        device: Where they run.
        kind: The class of the objects in the processes.

    Attributes:
        settings: Of each contender that loaded.
        failed: By name, why the others did not load.
    """

    def __init__(
        self, folders: ModelFolders, threads: Mapping[str, int], device: Device = CPU, *, kind: type = MeasuredContender
    ) -> None:
        self.settings: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, str] = {}
        self._threads, self._given, self._kind = threads, {"folders": folders, "device": device}, kind
        self._workers: dict[str, Worker] = {}
        self._stack = ExitStack()

    @property
    def loaded(self) -> list[str]:
        """Contenders that have loaded."""
        return list(self.settings)

    def call(self, name: str, method: str, /, **arguments: Any) -> Any:  # noqa: ANN401 -- whatever it returns
        """Call a method of one contender while the others are stopped.

        Raises:
            ContenderError: The call or the process failed.
        """
        return self._workers[name].call(method, **arguments)

    def __enter__(self) -> Workers:
        with self._stack.pop_all() as stack, progress(list(self._threads), "loading") as names:
            for name in names:
                self._load(stack.enter_context(Worker(self._kind)), name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _load(self, worker: Worker, name: str) -> None:
        try:
            self.settings[name] = worker.call("load", name=name, threads=self._threads[name], **self._given)
            self._workers[name] = worker
        except ContenderError as error:
            self.failed[name] = str(error)
            worker.close()
