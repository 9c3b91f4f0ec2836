"""The products per second of a run beside the most that the CPU reaches, in interleaved rounds.

A run's operations are those of its matrix products. The peak is that of large square products of the same precision in
ONNX Runtime. Where a run of int8 has products in float32 too, all of its operations count against the peak of int8.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.contenders.instrumented import InstrumentedModel, profile
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer
from benchmarks.suites.products import count, table

_THREADS = 1
_PROFILED = 30
_LEAST = 2
_SCHEDULES = {
    "quick": Schedule(25, tokens=(128,), seconds=0.05, sizes=(512,)),
    "full": Schedule(51, tokens=(16, 32, 64, 128, 256, 512), seconds=0.1, sizes=(256, 512, 1024)),
}
# As the graphs of fillmask have them: of int8 one scale for the rows, one for each column of the weights.
_GRAPHS = {
    "fp32": "(float[s,s] rows) => (float[s,s] product) { product = MatMul(rows, weights) }",
    "int8": "(uint8[s,s] rows) => (float[s,s] product) "
    "{ product = com.microsoft.MatMulIntegerToFloat(rows, weights, scale, column_scale, zero_point) }",
}
Key = tuple[str, int]
"""A run or its control, and its tokens; or the peak, and the size of its matrices."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time products and runs."""
    schedule = options.schedule(_SCHEDULES, folders)
    result = SuiteResult(schedule.params | {"seed": SEED, "threads": _THREADS, "profiles": {}, "operations": {},
                         "ratio": "GOP/s over the peak of the precision"})  # fmt: skip
    for precision in ("int8", "fp32"):
        ours, again, peak = _names(precision)
        timed: dict[Key, Callable[[], float]] = {}
        for size in schedule.sizes:
            timed[peak, size] = partial(rate, product(precision, size, _THREADS), 2 * size**3, schedule.seconds)
        model = InstrumentedModel(folders.artifact, precision, _THREADS)
        for tokens in schedule.tokens:
            (text,) = Writer.of(folders).write(tokens, 1)
            operations = _count(result, folders, precision, text, tokens)
            run = partial(rate, model.bare_run(text), operations, schedule.seconds)
            timed[ours, tokens] = timed[again, tokens] = run
        controls = [((ours, tokens), (again, tokens)) for tokens in schedule.tokens]
        rounds = run_rounds(timed, schedule.rounds, f"roofline, {precision}", controls=controls)
        _add(result, precision, rounds, schedule.sizes, schedule.tokens)
    return result


def rate(run: Callable[[], object], operations: int, seconds: float) -> float:
    """GOP/s: the median of at least two runs of so many operations, and of as many as fit into the time."""
    taken: list[int] = []
    while len(taken) < _LEAST or sum(taken) < seconds * 1e9:
        start = time.perf_counter_ns()
        run()
        taken.append(time.perf_counter_ns() - start)
    return operations / statistics.median(taken)


def product(precision: str, size: int, threads: int) -> Callable[[], object]:
    """What multiplies ``size`` × ``size`` matrices once, 2 ``size``³ operations; the second is packed beforehand.

    Args:
        precision: ``"fp32"``; or ``"int8"``: uint8 rows times int8 weights of 7 bits, whose sums overflow nowhere.
        size: Of both matrices.
        threads: Of one run.
    """
    from onnx import numpy_helper, parser

    rng, constants = np.random.default_rng(0), dict[str, NDArray[Any]]()
    if precision == "fp32":
        rows: NDArray[Any] = rng.standard_normal((size, size), dtype=np.float32)
        constants["weights"] = rng.standard_normal((size, size), dtype=np.float32)
    else:
        rows = rng.integers(0, 256, (size, size), dtype=np.uint8)
        constants["weights"] = rng.integers(-64, 64, (size, size), dtype=np.int8)
        constants |= {"scale": np.array(0.02, dtype=np.float32), "column_scale": np.full(size, 0.01, dtype=np.float32)}
        constants["zero_point"] = np.array(128, dtype=np.uint8)
    opsets = '<ir_version: 10, opset_import: ["": 18, "com.microsoft": 1]>'
    model = parser.parse_model(f"{opsets} product {_GRAPHS[precision]}")
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"rows": rows})


def _names(precision: str) -> tuple[str, str, str]:
    return f"fillmask-{precision}", f"fillmask-{precision}-again", f"peak-{precision}"


def _add(
    result: SuiteResult, precision: str, rounds: Rounds[Key, float], sizes: Sequence[int], lengths: Sequence[int]
) -> None:
    """The peak is that of the best size."""
    ours, again, peak = _names(precision)
    for size in sizes:
        result.add({"size": size}, "GOP/s", rounds.pick({(peak, size): peak}))
    best = max((rounds.samples[peak, size] for size in sizes), key=statistics.median)
    for tokens in lengths:
        case = {"tokens": tokens, "precision": precision}
        both = rounds.pick({(name, tokens): name for name in (ours, again)})
        result.add(case, "GOP/s", both)
        result.compare(case, "GOP/s", both.samples | {peak: best}, control=(ours, again), pairs=[(ours, peak)])


def _count(result: SuiteResult, folders: ModelFolders, variant: str, text: str, tokens: int) -> int:
    """The operations of a run; they and the profile go into the parameters."""
    events, title = profile(folders.artifact, variant, _THREADS, text, _PROFILED), f"{variant}, {tokens} tokens"
    result.params["operations"][title] = operations = count(events, _PROFILED)
    result.params["profiles"][title] = table(events, _PROFILED)
    return operations


command = suite_command("roofline", measure, "Time runs beside large matrix products.")
