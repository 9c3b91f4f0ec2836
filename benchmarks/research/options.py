"""Do other session options of ONNX Runtime, or IO binding, make a run faster? No: none does beyond the control.

Sessions of one graph with different options run in turns, in one process, on the same arrays. "as it is" has the
options that fillmask sets.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.contenders.instrumented import InstrumentedModel
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_AS_IT_IS, _AGAIN, _BOUND = "as it is", "as it is, again", "IO binding"
Change = Callable[[Any], None]


def _attribute(name: str, value: object) -> Change:
    return lambda options: setattr(options, name, value)


def _entry(name: str, value: str) -> Change:
    return lambda options: options.add_session_config_entry(name, value)


# By threads of a run. Spinning concerns runs of several threads.
_CHANGES: dict[int, dict[str, Change]] = {
    1: {
        "no memory pattern": _attribute("enable_mem_pattern", False),
        "no arena": _attribute("enable_cpu_mem_arena", False),
        "denormals as zero": _entry("session.set_denormal_as_zero", "1"),
        "weights outside the arena": _entry("session.use_device_allocator_for_initializers", "1"),
        "no prepacking": _entry("session.disable_prepacking", "1"),
        "GELU approximated": _entry("optimization.enable_gelu_approximation", "1"),
    },
    2: {"no spinning": _entry("session.intra_op.allow_spinning", "0")},
}


_SCHEDULES = {"quick": Schedule(5, tokens=(16,), calls=(20,)), "full": Schedule(41, tokens=(16, 128), calls=(20,))}


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time the runs."""
    schedule = options.schedule(_SCHEDULES)
    result = SuiteResult(schedule.params | {"seed": SEED, "samples": "the median of each round's block"})
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    for threads, changes in _CHANGES.items():
        models = {name: InstrumentedModel(folders.artifact, "int8", threads, change)
                  for name, change in _named(changes).items()}  # fmt: skip
        gc.collect()
        gc.freeze()
        for tokens in schedule.tokens:
            (text,) = writer.write(tokens, 1)
            blocks = _blocks(models, text, *schedule.calls)
            label = f"options, {tokens} tokens, {threads} threads"
            rounds = run_rounds(blocks, schedule.rounds, label, controls=[(_AS_IT_IS, _AGAIN)])
            _add(result, rounds, {"tokens": tokens, "threads": threads})
    return result


def _named(changes: Mapping[str, Change]) -> dict[str, Change]:
    def unchanged(_options: object) -> None:
        """Change no option."""

    return {_AS_IT_IS: unchanged, _AGAIN: unchanged, **changes}


def _blocks(models: Mapping[str, InstrumentedModel], text: str, runs: int) -> dict[str, Callable[[], float]]:
    calls: dict[str, Callable[[], object]] = {name: each.take(text).run for name, each in models.items()}
    calls[_BOUND] = _bound(models[_AS_IT_IS])
    return {name: partial(_milliseconds, call, runs) for name, call in calls.items()}


def _bound(model: InstrumentedModel) -> Callable[[], object]:
    """The same run by IO binding: inputs are bound anew, as for each text, and the logits' buffer is reused."""
    (output,), feeds = model.arguments
    session = model.session
    binding, shape = session.io_binding(), session.run([output], feeds)[0].shape
    logits = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, "cpu")
    binding.bind_ortvalue_output(output, logits)

    def run() -> object:
        for name, array in feeds.items():
            binding.bind_cpu_input(name, array)
        session.run_with_iobinding(binding)
        return logits.numpy().copy()  # the next run overwrites it

    return run


def _milliseconds(call: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e6


def _add(result: SuiteResult, rounds: Rounds[str, float], case: dict[str, Any]) -> None:
    result.add(case, "ms", rounds)
    pairs = [(name, _AS_IT_IS) for name in rounds.samples if name not in (_AS_IT_IS, _AGAIN)]
    result.compare(case, "ms", rounds.samples, control=(_AS_IT_IS, _AGAIN), pairs=pairs)


command = suite_command("options", measure, "Time runs under other session options, and with IO binding.")
