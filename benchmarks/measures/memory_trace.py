"""The memory of contenders in fresh processes, from the start up to many predictions."""

from __future__ import annotations

from benchmarks.contenders import precision_of
from benchmarks.harness.handlers import HANDLERS
from benchmarks.harness.records import Row
from benchmarks.harness.rounds import progress
from benchmarks.harness.worker import ContenderError, Worker
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

KINDS = ("rss", "pss", "peak")
THREADS = 1
Trace = dict[str, dict[str, float]]
"""MB by stage and kind."""


def after(predictions: int) -> str:
    """The name of a stage; records have it since version 1 of their schema."""
    return "1 answer" if predictions == 1 else f"{predictions:,} answers"


class MemoryTraces:
    """The traces of contenders.

    Args:
        folders: Of their model.

    Attributes:
        traces: By contender, one a round.
        failed: By contender, why it has none.
    """

    def __init__(self, folders: ModelFolders) -> None:
        self.traces: dict[str, list[Trace]] = {}
        self.failed: dict[str, str] = {}
        self._folders, self._texts = folders, write_texts(folders)

    def trace(self, names: list[str], stages: list[int], label: str, leak_bytes: int = 0) -> None:
        """Trace contenders one after the other, each in a process of its own.

        Args:
            names: Of contenders, each as often as it is traced. What follows a comma is not the contender's.
            stages: Numbers of predictions at which memory is read, ascending.
            label: For the progress bar.
            leak_bytes: To lose with each prediction.
        """
        with progress(names, label) as turns:
            for name in turns:
                if name not in self.failed:
                    self._try(name, stages, leak_bytes)

    def values(self, stage: str, kind: str) -> dict[str, list[float]]:
        """MB of each contender at a stage, one value a round."""
        done = {name: each for name, each in self.traces.items() if name not in self.failed and stage in each[0]}
        return {name: [trace[stage][kind] for trace in traces] for name, traces in done.items()}

    def rows(self, name: str, stages: list[str]) -> list[Row]:
        """Of a contender."""
        precision = precision_of(name)
        if name in self.failed:
            return [Row(name, precision, {"after": stages[-1]}, "MB", [], failed=self.failed[name])]
        cases = [{"after": stage, "of": kind} for stage in stages for kind in KINDS]
        return [Row(name, precision, case, "MB", self.values(case["after"], case["of"])[name]) for case in cases]

    def _try(self, name: str, stages: list[int], leak_bytes: int) -> None:
        try:
            trace = self._trace(name.partition(",")[0], [1, *stages], leak_bytes)
            self.traces.setdefault(name, []).append(trace)
        except ContenderError as error:
            self.failed[name] = str(error)

    def _trace(self, contender: str, stages: list[int], leak_bytes: int) -> Trace:
        with Worker(HANDLERS) as worker:
            trace = {"start": worker.call("memory")}
            worker.call("imports", name=contender)
            trace["import"] = worker.call("memory")
            given = {"folders": self._folders.as_json(), "threads": THREADS, "freeze": False}
            worker.call("load", name=contender, **given)
            trace["load"] = worker.call("memory")
            for before, stage in zip([0, *stages], stages, strict=False):
                worker.call("predict", texts=self._texts, number=stage - before, leak_bytes=leak_bytes)
                trace[after(stage)] = worker.call("memory")
        return trace


def write_texts(folders: ModelFolders) -> list[str]:
    """Fifty texts of 8 to 16 tokens; the one in the middle has 128."""
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    short = [writer.write(8 + number % 9, 1, number)[0] for number in range(49)]
    return [*short[:25], *writer.write(128, 1), *short[25:]]
