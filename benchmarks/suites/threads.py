"""The best use of a second core: two threads for one text, or two texts at once."""

from __future__ import annotations

from functools import partial

from benchmarks.contenders import FILLMASK, REFERENCE, TOP_K
from benchmarks.harness.gate import open_gate
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_SCHEDULES = {"quick": Schedule(9, tokens=(16, 128), texts=8), "full": Schedule(15, tokens=(16, 128), texts=8)}
_ONE, _TWO, _BOTH = "1 thread", "2 threads", "2 texts at once"
_CONTENDERS = (FILLMASK, "optimum-int8", REFERENCE)
_CONTROL = (f"{FILLMASK}, {_BOTH}", f"{FILLMASK}, {_BOTH}-again")


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time each way at each length."""
    gate, schedule = open_gate(options.folder, folders), options.schedule(_SCHEDULES, folders)
    result = SuiteResult(schedule.params | {"seed": SEED, "top_k": TOP_K}, gate=gate.reason)
    writer = Writer.of(folders)
    names = [name for name in _CONTENDERS if name in options.contenders and name not in gate.refused]
    with Workers(folders, _threads(names)) as workers:
        for tokens in schedule.tokens:
            texts = writer.write(tokens, schedule.texts)
            blocks = {
                name: partial(workers.texts_per_second, name, texts, workers=_workers(name)) for name in workers.loaded
            }
            rounds: Rounds[str, float] = run_rounds(blocks, schedule.rounds, f"{tokens} tokens", controls=[_CONTROL])
            rounds.failed.update(workers.failed)
            settings = {name: workers.settings[name] | {"workers": _workers(name)} for name in workers.loaded}
            result.add({"tokens": tokens}, "texts/s", rounds, settings=settings)
            result.compare({"tokens": tokens}, "texts/s", rounds.samples, control=_CONTROL)
    return result


def _threads(names: list[str]) -> dict[str, int]:
    """One thread and two of each contender; and of fillmask two texts at once, twice."""
    threads = {f"{name}, {way}": count for name in names for way, count in ((_ONE, 1), (_TWO, 2))}
    return threads | (dict.fromkeys(_CONTROL, 1) if FILLMASK in names else {})


def _workers(name: str) -> int:
    return 2 if _BOTH in name else 1


command = suite_command("threads", measure, "Use two cores for one text, or for two texts at once.")
