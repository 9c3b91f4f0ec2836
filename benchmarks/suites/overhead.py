"""The cost of fillmask beside ONNX Runtime: a call beside the session alone on the same arrays, which are ready.

Both use one session in one process, in interleaved blocks. The call's own run is timed inside it as well. What is
outside the run is fillmask's work. The rest of the difference is the run's, whose caches that work has emptied.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle

from benchmarks.contenders import FILLMASK
from benchmarks.contenders.instrumented import InstrumentedModel
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.records import Row
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_FLOOR, _AGAIN = "floor-int8", "floor-int8-again"
_THREADS = 1
_SCHEDULES = {
    "quick": Schedule(40, tokens=(32,), texts=8, calls=(20,)),
    "full": Schedule(121, tokens=(8, 16, 32, 64, 128), texts=8, calls=(20,)),
}
Block = tuple[float, float, float]
"""Medians of a block, as ``medians`` returns them."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time calls and runs alone."""
    schedule, model = options.schedule(_SCHEDULES), InstrumentedModel(folders.artifact, "int8", _THREADS)
    result = SuiteResult(
        schedule.params | {"seed": SEED, "threads": _THREADS, "samples": "the median of each round's block"}
    )
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    gc.collect()
    gc.freeze()
    for tokens in schedule.tokens:
        blocks = _blocks(model, writer.write(tokens, schedule.texts), *schedule.calls)
        label, controls = f"overhead, {tokens} tokens", [(_FLOOR, _AGAIN)]
        rounds = run_rounds(blocks, schedule.rounds, label, controls=controls, value=lambda block: float(block[0]))
        _add(result, rounds, tokens)
    return result


def _blocks(model: InstrumentedModel, texts: list[str], calls: int) -> dict[str, Callable[[], Block]]:
    taken = [model.take(text) for text in texts]
    call, run = cycle([each.call for each in taken]), cycle([each.run for each in taken])

    def whole() -> tuple[float, float]:
        return _time(next(call)), model.run_ms

    def alone() -> tuple[float, float]:
        elapsed = _time(next(run))
        return elapsed, elapsed

    clocks = {FILLMASK: whole, _FLOOR: alone, _AGAIN: alone}
    return {name: partial(_block, clock, calls) for name, clock in clocks.items()}


def _block(clock: Callable[[], tuple[float, float]], calls: int) -> Block:
    return medians([clock() for _ in range(calls)])


def medians(pairs: list[tuple[float, float]]) -> Block:
    """Of milliseconds of calls, of the runs inside them, and of the share outside those."""
    whole, inside = zip(*pairs, strict=True)
    outside = [1 - run / call for call, run in pairs]
    return statistics.median(whole), statistics.median(inside), statistics.median(outside)


def _add(result: SuiteResult, rounds: Rounds[str, Block], tokens: int) -> None:
    case = {"tokens": tokens}
    times = rounds.values(lambda block: block[0])
    result.add(case, "ms", Rounds(times, {}))
    inside, outside = ([block[index] for block in rounds.samples[FILLMASK]] for index in (1, 2))
    result.rows.append(Row(FILLMASK, "int8", case | {"step": "run"}, "ms", inside))
    result.rows.append(Row(FILLMASK, "int8", case | {"step": "outside"}, "share", outside))
    result.compare(case, "ms", times, control=(_FLOOR, _AGAIN), pairs=[(FILLMASK, _FLOOR)])


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


command = suite_command("overhead", measure, "Time calls beside the session alone on the same arrays.")
