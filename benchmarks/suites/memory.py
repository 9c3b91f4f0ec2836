"""The memory of a contender in fresh processes: at the start, after imports, loading, and many predictions.

Resident pages count: RSS, PSS, and the peak of RSS. Long processes show growth, beside a contender that loses memory on
purpose.
"""

from __future__ import annotations

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE, precision_of
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.suite import suite_command
from benchmarks.measures.memory_trace import THREADS, MemoryTraces, after
from benchmarks.models.folders import ModelFolders

_CONTENDERS = (REFERENCE, "optimum-fp32", "optimum-int8", "fillmask-fp32", FILLMASK, AGAIN)
_LEAKING = f"{FILLMASK}, leaking"
_LEAK_BYTES = 4096
_SEEN = 0.7  # of a planted leak, at least; what is lost may first fill memory that was free
_SCHEDULES = {"quick": Schedule(3), "full": Schedule(5)}
_PREDICTIONS = 50
# Predictions between which growth is measured: of fillmask, and of the others, which take ten times as long.
_GROWTH = {"quick": (200, 1000, 400), "full": (1000, 10_000, 2000)}


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Trace the memory of processes."""
    rounds, names = options.schedule(_SCHEDULES).rounds, [name for name in _CONTENDERS if name in options.contenders]
    growth = dict(zip(("begin", "end", "end_of_others"), _GROWTH[options.profile], strict=True))
    result = SuiteResult({"rounds": rounds, "answers": _PREDICTIONS, **growth, "threads": THREADS,
                          "leak_bytes": _LEAK_BYTES, "tokens": "8 to 16, every fiftieth 128",
                          "ratio": "MB over MB"})  # fmt: skip
    short = MemoryTraces(folders)
    short.trace(names * rounds, [_PREDICTIONS], "memory")
    for name in names:
        result.rows += short.rows(name, ["start", "import", "load", after(1), after(_PREDICTIONS)])
    theirs = [name for name in names if not name.startswith("fillmask")]
    pairs = [(ours, other) for ours in (FILLMASK, "fillmask-fp32") for other in theirs]
    for stage, kind in (("load", "rss"), (after(1), "peak"), (after(_PREDICTIONS), "peak"), (after(1), "pss")):
        values = short.values(stage, kind)
        result.compare({"after": stage, "of": kind}, "MB", values, control=(FILLMASK, AGAIN), pairs=pairs)
    _grow(result, MemoryTraces(folders), [name for name in names if name != AGAIN])
    return result


def _grow(result: SuiteResult, traces: MemoryTraces, names: list[str]) -> None:
    """Rows of one long process of each contender, and of one that leaks."""
    begin, grown = result.params["begin"], {}
    for name in [*names, _LEAKING]:
        end = result.params["end" if name.startswith("fillmask") else "end_of_others"]
        traces.trace([name], [begin, end], f"{name}, {after(end)}", _LEAK_BYTES if name == _LEAKING else 0)
        result.rows += traces.rows(name, [after(end)])
        if name not in traces.failed:
            (first,), (last,) = (traces.values(after(number), "rss")[name] for number in (begin, end))
            grown[name] = last - first
            case = {"from": begin, "to": end, "of": "growth"}
            result.rows.append(Row(name, precision_of(name), case, "MB", [grown[name]]))
    if FILLMASK in names:
        result.gate = unseen(grown, (result.params["end"] - begin) * _LEAK_BYTES / 1e6)


def unseen(grown: dict[str, float], planted: float) -> str | None:
    """Why the growths mean nothing, or None: a planted leak, in MB, must show in them."""
    if _LEAKING not in grown or FILLMASK not in grown:
        return "the control that loses memory, or the contender that it is compared with, failed"
    seen = grown[_LEAKING] - grown[FILLMASK]
    return None if seen >= _SEEN * planted else f"of {planted:.3g} MB lost on purpose only {seen:.3g} MB were seen"


command = suite_command("memory", measure, "Trace the memory of fresh processes.")
