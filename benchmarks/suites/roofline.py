"""The products per second of a run beside the most that the device reaches, in interleaved rounds.

A run's operations are those of its matrix products. The peak is that of large square products of the same precision:
ONNX Runtime's on a CPU, PyTorch's on a GPU. Where a run of int8 has products in float32 too, all of its operations
count against the peak of int8. The operations of a run on a GPU are counted on the CPU, in the fp32 graph.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.contenders.fillmask_ import open_fill_mask
from benchmarks.contenders.instrumented import InstrumentedModel, profile
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from benchmarks.measures.peak import describe, product, torch_product
from benchmarks.measures.products import count, table
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer
from fillmask import FillMaskError

_THREADS = 1
_PROFILED = 30
_LEAST = 2
_SCHEDULES = {
    "quick": Schedule(25, tokens=(128,), seconds=0.05, batch_sizes=(1, 32)),
    "full": Schedule(51, tokens=(16, 128, 512), seconds=0.1, batch_sizes=(1, 32, 128)),
}
Case = tuple[tuple[str, int], ...]
"""What is run: tokens, and on a GPU the batch size."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A function that is timed: ``run`` makes so many ``operations``, all of them products."""

    run: Callable[[], object]
    operations: int


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time products and runs."""
    device, schedule = options.device, options.schedule(_SCHEDULES)
    longest = folders.manifest["max_length"]
    tokens = tuple(each for each in schedule.tokens if each <= longest)
    schedule = replace(schedule, tokens=tokens, batch_sizes=() if device.is_cpu else schedule.batch_sizes)
    sizes = device.matrices[1:2] if options.profile == "quick" else device.matrices
    ratio = {"ratio": "GOP/s over the peak of the precision"}
    result = SuiteResult(
        schedule.params | {"sizes": sizes, "seed": SEED, "threads": _THREADS, "profiles": {}, "operations": {}} | ratio,
        device,
    )
    if not device.is_cpu:
        result.params["device"] = describe(device)
    for precision in ("int8", "fp32") if device.is_cpu else (device.precision,):
        make_runs = _cpu_runs if device.is_cpu else _gpu_runs
        runs = make_runs(result, folders, precision, schedule)
        peaks = {size: Timed(_product(result, precision, size), 2 * size**3) for size in sizes}
        _measure_precision(result, precision, peaks, runs, schedule)
    return result


def rate(timed: Timed, seconds: float) -> float:
    """GOP/s: the median of at least two runs, and of as many as fit into the time.

    Raises:
        ContenderError: A run failed, as one does that exceeds the memory of a GPU.
    """
    taken: list[int] = []
    while len(taken) < _LEAST or sum(taken) < seconds * 1e9:
        start = time.perf_counter_ns()
        try:
            timed.run()
        except (FillMaskError, RuntimeError) as error:
            raise ContenderError(f"{type(error).__name__}: {error}") from error
        taken.append(time.perf_counter_ns() - start)
    return timed.operations / statistics.median(taken)


def _measure_precision(
    result: SuiteResult, precision: str, peaks: dict[int, Timed], runs: dict[Case, Timed], schedule: Schedule
) -> None:
    blocks: dict[Any, Callable[[], float]] = {}
    for key, timed in [*peaks.items(), *((name, each) for case, each in runs.items() for name in _names(case))]:
        blocks[key] = partial(rate, timed, schedule.seconds)
    controls = [_names(case) for case in runs]
    rounds: Rounds[Any, float] = run_rounds(blocks, schedule.rounds, f"roofline, {precision}", controls=controls)
    _add(result, precision, rounds, list(peaks), list(runs))


def _add(result: SuiteResult, precision: str, rounds: Rounds[Any, float], sizes: list[int], cases: list[Case]) -> None:
    ours, again, peak = f"fillmask-{precision}", f"fillmask-{precision}-again", f"peak-{precision}"
    for size in sizes:
        result.add({"size": size}, "GOP/s", rounds.pick({size: peak}))
    best = max((rounds.samples.get(size, [0.0]) for size in sizes), key=statistics.median)
    for key in cases:
        case = dict(key) | {"precision": precision}
        both = rounds.pick(dict(zip(_names(key), (ours, again), strict=True)))
        result.add(case, "GOP/s", both)
        values = both.samples | ({peak: best} if any(best) else {})
        result.compare(case, "GOP/s", values, control=(ours, again), pairs=[(ours, peak)])


def _names(case: Case) -> tuple[tuple[Case, str], tuple[Case, str]]:
    """Of a run and its control."""
    return (case, ""), (case, "again")


def _product(result: SuiteResult, precision: str, size: int) -> Callable[[], object]:
    cpu = result.device.is_cpu
    return product(precision, size, _THREADS) if cpu else torch_product(result.device, size)


def _cpu_runs(result: SuiteResult, folders: ModelFolders, precision: str, schedule: Schedule) -> dict[Case, Timed]:
    """The runs of each length."""
    model, writer = InstrumentedModel(folders.artifact, precision, _THREADS), _writer(folders)
    runs: dict[Case, Timed] = {}
    for tokens in schedule.tokens:
        (text,) = writer.write(tokens, 1)
        operations = _count(result, folders, precision, text, tokens)
        runs[("tokens", tokens),] = Timed(model.take(text).run, operations)
    return runs


def _gpu_runs(result: SuiteResult, folders: ModelFolders, precision: str, schedule: Schedule) -> dict[Case, Timed]:
    """The runs of each length and batch size, on texts that are tokenized before."""
    model, writer = open_fill_mask(folders, precision, 0, result.device).model, _writer(folders)
    runs: dict[Case, Timed] = {}
    for tokens in schedule.tokens:
        operations = _count(result, folders, "fp32", writer.write(tokens, 1)[0], tokens)
        for size in schedule.batch_sizes:
            rows = [row for text in writer.write(tokens, size) for row in model.encode(text).rows]
            runs[("tokens", tokens), ("batch", size)] = Timed(partial(model.logits, rows), size * operations)
    return runs


def _count(result: SuiteResult, folders: ModelFolders, variant: str, text: str, tokens: int) -> int:
    """The operations of a run; they and on a CPU the profile go into the parameters."""
    events = profile(folders.artifact, variant, _THREADS, text, _PROFILED)
    operations, title = count(events, _PROFILED), f"{variant}, {tokens} tokens"
    result.params["operations"][title] = operations
    if result.device.is_cpu:
        result.params["profiles"][title] = table(events, _PROFILED)
    return sum(operations.values())


def _writer(folders: ModelFolders) -> Writer:
    return Writer(folders.artifact, folders.manifest["mask_token"])


command = suite_command("roofline", measure, "Time runs beside large matrix products.")
