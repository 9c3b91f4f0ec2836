"""Lives of contenders in fresh processes, from the start up to many answers, with the memory at each stage."""

from __future__ import annotations

from benchmarks.harness.records import Row
from benchmarks.harness.rounds import progress
from benchmarks.harness.worker import Worker, WorkerError
from benchmarks.measures.memory import HANDLERS
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

KINDS = ("rss", "pss", "peak")
THREADS = 1
Life = dict[str, dict[str, float]]
"""By stage and kind, MB."""


def after(answers: int) -> str:
    """The name of a stage."""
    return "1 answer" if answers == 1 else f"{answers:,} answers"


class Lives:
    """What has been seen of contenders.

    Args:
        folders: Of their model.

    Attributes:
        seen: By contender, one life a round.
        failed: By contender, why it has none.
    """

    def __init__(self, folders: ModelFolders) -> None:
        self.seen: dict[str, list[Life]] = {}
        self.failed: dict[str, str] = {}
        self._folders, self._texts = folders, write_texts(folders)

    def watch(self, names: list[str], stages: list[int], label: str, leaking: dict[str, tuple[str, int]]) -> None:
        """Let contenders live one after the other.

        Args:
            names: Of contenders, each as often as it shall live.
            stages: Numbers of answers, ascending, up to the last of which each lives.
            label: For the progress bar.
            leaking: For names that are no contender's: whose they are, and the bytes to lose with an answer.
        """
        with progress(names, label) as turns:
            for name in turns:
                if name not in self.failed:
                    self._try(name, stages, *leaking.get(name, (name, 0)))

    def values(self, stage: str, kind: str) -> dict[str, list[float]]:
        """MB of each contender that came to a stage, in each round."""
        came = {name: lives for name, lives in self.seen.items() if name not in self.failed and stage in lives[0]}
        return {name: [life[stage][kind] for life in lives] for name, lives in came.items()}

    def rows(self, name: str, precision: str, stages: list[str]) -> list[Row]:
        """Of a contender."""
        if name in self.failed:
            return [Row(name, precision, {"after": stages[-1]}, "MB", [], failed=self.failed[name])]
        cases = [{"after": stage, "of": kind} for stage in stages for kind in KINDS]
        return [Row(name, precision, case, "MB", self.values(case["after"], case["of"])[name]) for case in cases]

    def _try(self, name: str, stages: list[int], contender: str, leak_bytes: int) -> None:
        try:
            self.seen.setdefault(name, []).append(self._live(contender, [1, *stages], leak_bytes))
        except WorkerError as error:
            self.failed[name] = str(error)

    def _live(self, contender: str, stages: list[int], leak_bytes: int) -> Life:
        with Worker(HANDLERS) as worker:
            life = {"start": worker.ask("start"), "import": worker.ask("imports", name=contender)}
            life["load"] = worker.ask("load", name=contender, folders=self._folders.as_json(), threads=THREADS)
            for begun, stage in zip([0, *stages], stages, strict=False):
                asked = {"texts": self._texts, "number": stage - begun, "leak_bytes": leak_bytes}
                life[after(stage)] = worker.ask("ask", **asked)
        return life


def write_texts(folders: ModelFolders) -> list[str]:
    """Fifty texts of 8 to 16 tokens, but for the one in the middle, which has 128."""
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    short = [writer.write(8 + number % 9, 1, number)[0] for number in range(49)]
    return [*short[:25], *writer.write(128, 1), *short[25:]]
