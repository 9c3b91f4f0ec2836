"""Do other session options of ONNX Runtime, or IO binding, make a run faster? No: none does beyond the control.

Sessions of one graph with different options run in turns, in one process, on the same arrays. "as it is" has the
options that fillmask sets.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.harness.records import Row
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import narrow
from benchmarks.measures.comparing import compare
from benchmarks.measures.runs import Spied
from benchmarks.measures.turns import SEED, take_turns
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


@dataclass(frozen=True, slots=True)
class Pace:
    """The amount of measurement.

    Attributes:
        rounds: Counted rounds.
        runs: Of a block.
        tokens: Lengths of the texts.
    """

    rounds: int
    runs: int = 20
    tokens: tuple[int, ...] = (16, 128)


_PACES = {"quick": Pace(5, tokens=(16,)), "full": Pace(41)}


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time the runs."""
    pace = _PACES[asked.profile]
    rounds = asked.rounds or pace.rounds
    found = Found(asdict(pace) | {"rounds": rounds, "seed": SEED, "ratio": "ms over ms",
                                  "samples": "the median of each round's block"})  # fmt: skip
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    for threads, changes in _CHANGES.items():
        spied = {name: _spied(folders.artifact, threads, change) for name, change in _named(changes).items()}
        gc.collect()
        gc.freeze()
        for tokens in pace.tokens:
            (text,) = writer.write(tokens, 1)
            blocks = _blocks(spied, text, pace.runs)
            label = f"options, {tokens} tokens, {threads} threads"
            times = take_turns(blocks, rounds, label, lambda given: narrow(given[_AS_IT_IS], given[_AGAIN]))
            _add(found, times, {"tokens": tokens, "threads": threads})
    return found


def _named(changes: Mapping[str, Change]) -> dict[str, Change]:
    def unchanged(_options: object) -> None:
        """Change no option."""

    return {_AS_IT_IS: unchanged, _AGAIN: unchanged, **changes}


def _spied(artifact: Path, threads: int, change: Change) -> Spied:
    with _changing(change):
        return Spied(artifact, "int8", threads)


@contextmanager
def _changing(change: Change) -> Iterator[None]:
    """Change the options of every session that is created inside."""
    original = ort.InferenceSession

    def start(graph: object, options: object, **rest: object) -> object:
        change(options)
        return original(graph, options, **rest)

    ort.InferenceSession = start
    try:
        yield
    finally:
        ort.InferenceSession = original


def _blocks(spied: Mapping[str, Spied], text: str, runs: int) -> dict[str, Callable[[], float]]:
    calls: dict[str, Callable[[], object]] = {name: each.take(text).run for name, each in spied.items()}
    calls[_BOUND] = _bound(spied[_AS_IT_IS])
    return {name: partial(_milliseconds, call, runs) for name, call in calls.items()}


def _bound(spied: Spied) -> Callable[[], object]:
    """The same run by IO binding: inputs are bound anew, as for each text, and the logits' buffer is reused."""
    (output,), feeds = spied.arguments
    session = spied.session
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


def _add(found: Found, times: Mapping[str, Sequence[float]], case: dict[str, Any]) -> None:
    found.rows += [Row(name, "int8", case, "ms", list(each)) for name, each in times.items()]
    pairs = [(name, _AS_IT_IS) for name in times if name not in (_AS_IT_IS, _AGAIN)]
    compare(found, case, times, pairs=pairs, again=(_AS_IT_IS, _AGAIN))


command = suite_command("options", measure, "Time runs under other session options, and with IO binding.")
