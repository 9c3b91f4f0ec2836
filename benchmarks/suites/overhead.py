"""The cost of fillmask beside ONNX Runtime: a call beside the session alone on the same arrays, which are ready.

Both use one session in one process, in interleaved blocks. The call's own run is timed inside it as well. What is
outside the run is fillmask's work. The rest of the difference is the run's, whose caches that work has emptied.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

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
Block = NDArray[np.float64]
"""``float64[3]``, medians of the calls: ms of a call, ms of the run in it, and the share outside the run."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time calls and runs alone."""
    schedule, model = options.schedule(_SCHEDULES, folders), InstrumentedModel(folders.artifact, "int8", _THREADS)
    result = SuiteResult(
        schedule.params | {"seed": SEED, "threads": _THREADS, "samples": "the median of each round's block"}
    )
    gc.collect()
    gc.freeze()
    for tokens in schedule.tokens:
        made = blocks(model, Writer.of(folders).write(tokens, schedule.texts), *schedule.calls)
        label, controls = f"overhead, {tokens} tokens", [(_FLOOR, _AGAIN)]
        rounds = run_rounds(made, schedule.rounds, label, controls=controls, value=lambda block: float(block[0]))
        _add(result, rounds, tokens)
    return result


def blocks(model: InstrumentedModel, texts: list[str], calls: int) -> dict[str, Callable[[], Block]]:
    """What is timed, by name: so many calls on the texts in turn, or so many runs on their arrays."""
    runs = cycle([model.bare_run(text) for text in texts])
    predictions = cycle([partial(model.fill_mask.predict, text) for text in texts])

    def block(steps: Iterator[Callable[[], object]], *, alone: bool) -> Block:
        times = []
        for _ in range(calls):
            whole = _milliseconds(next(steps))
            inside = whole if alone else model.run_ms
            times.append((whole, inside, 1 - inside / whole))
        medians: Block = np.median(times, axis=0)
        return medians

    alone = partial(block, runs, alone=True)
    return {FILLMASK: partial(block, predictions, alone=False), _FLOOR: alone, _AGAIN: alone}


def _add(result: SuiteResult, rounds: Rounds[str, Block], tokens: int) -> None:
    case, times = {"tokens": tokens}, rounds.map(lambda block: float(block[0]))
    result.add(case, "ms", times)
    for index, unit, step in ((1, "ms", "run"), (2, "share", "outside")):
        samples = [float(block[index]) for block in rounds.samples[FILLMASK]]
        result.rows.append(Row(FILLMASK, "int8", case | {"step": step}, unit, samples))
    result.compare(case, "ms", times.samples, control=(_FLOOR, _AGAIN), pairs=[(FILLMASK, _FLOOR)])


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


command = suite_command("overhead", measure, "Time calls beside the session alone on the same arrays.")
