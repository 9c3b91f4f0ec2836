"""The memory of a contender in fresh processes: at the start, after imports, loading, one prediction and fifty.

Resident pages count: RSS, PSS, and the peak of RSS. Whether memory grows with requests is a test: row 5 of
docs/reliability.md.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE
from benchmarks.harness.measured import MeasuredContender
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import Worker
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_CONTENDERS = (REFERENCE, "optimum-fp32", "optimum-int8", "fillmask-fp32", FILLMASK, AGAIN)
_SCHEDULES = {"quick": Schedule(3), "full": Schedule(5)}
_THREADS = 1
# Stages have these names since version 1 of the schema of records.
_ONE, _ALL = "1 answer", "50 answers"
STAGES = ("start", "import", "load", _ONE, _ALL)
_KINDS = ("rss", "pss", "peak")
_COMPARED = (("load", "rss"), (_ONE, "peak"), (_ALL, "peak"), (_ONE, "pss"))
Trace = dict[str, dict[str, float]]
"""MB by stage and kind."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Trace the memory of processes."""
    schedule, texts = options.schedule(_SCHEDULES, folders), write_texts(folders)
    names = [name for name in _CONTENDERS if name in options.contenders]
    result = SuiteResult({"rounds": schedule.rounds, "answers": len(texts), "threads": _THREADS,
                          "tokens": "8 to 16, every fiftieth 128", "ratio": "MB over MB"})  # fmt: skip
    traces = {name: partial(trace, folders, name, texts) for name in names}
    control = (FILLMASK, AGAIN)
    rounds = run_rounds(
        traces, schedule.rounds, "memory", controls=[control], value=lambda found: float(found[_ALL]["peak"])
    )
    theirs = [name for name in names if not name.startswith("fillmask")]
    pairs = [(ours, other) for ours in (FILLMASK, "fillmask-fp32") for other in theirs]
    for stage in STAGES:
        for kind in _KINDS:
            case, values = {"after": stage, "of": kind}, rounds.map(partial(_megabytes, stage, kind))
            result.add(case, "MB", values)
            if (stage, kind) in _COMPARED:
                result.compare(case, "MB", values.samples, control=control, pairs=pairs)
    return result


def trace(folders: ModelFolders, contender: str, texts: list[str]) -> Trace:
    """The memory of a fresh process after each stage.

    Raises:
        ContenderError: The contender failed.
    """
    model = {"folders": folders, "threads": _THREADS, "freeze": False}
    steps: dict[str, tuple[str, dict[str, Any]]] = {
        "import": ("imports", {"name": contender}),
        "load": ("load", {"name": contender} | model),
        _ONE: ("predictions", {"texts": texts[:1]}),
        _ALL: ("predictions", {"texts": texts[1:]}),
    }
    with Worker(MeasuredContender) as worker:
        found = {"start": worker.call("memory")}
        for stage, (step, arguments) in steps.items():
            worker.call(step, **arguments)
            found[stage] = worker.call("memory")
    return found


def _megabytes(stage: str, kind: str, found: Trace) -> float:
    return found[stage][kind]


def write_texts(folders: ModelFolders) -> list[str]:
    """Fifty texts of 8 to 16 tokens; the one in the middle has 128."""
    writer = Writer.of(folders)
    short = [writer.write(8 + number % 9, 1, number)[0] for number in range(49)]
    return [*short[:25], *writer.write(128, 1), *short[25:]]


command = suite_command("memory", measure, "Trace the memory of fresh processes.")
