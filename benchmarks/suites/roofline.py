"""How near a run comes to the most that ONNX Runtime's products reach on this machine, measured by turns with it.

A run's operations are those of its matrix products. The peak is that of large square products of the same precision;
where a run of int8 holds products in float32 too, all of its operations are set against the peak of int8.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from benchmarks.harness.records import Row
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import narrow
from benchmarks.measures.comparing import compare
from benchmarks.measures.peak import product
from benchmarks.measures.products import count, table
from benchmarks.measures.runs import Spied, profile
from benchmarks.measures.turns import SEED, take_turns
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_THREADS = 1
_PRECISIONS = ("int8", "fp32")
_PROFILED = 30
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured.

    Attributes:
        rounds: That count.
        seconds: Of a block.
        tokens: Of a text.
        sizes: Of the square matrices.
    """

    rounds: int
    seconds: float
    tokens: tuple[int, ...] = (16, 128, 512)
    sizes: tuple[int, ...] = (256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Timed:
    """What is timed: ``run`` makes so many ``operations``, all of them products."""

    run: Callable[[], object]
    operations: int


_PACES = {"quick": Pace(25, 0.05, (128,), (512,)), "full": Pace(51, 0.1)}


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time products and runs."""
    pace = _PACES[asked.profile]
    rounds = asked.rounds or pace.rounds
    found = Found(asdict(pace) | {"rounds": rounds, "seed": SEED, "threads": _THREADS, "profiles": {},
                                  "operations": {}, "ratio": "GOP/s over the peak of the precision"})  # fmt: skip
    for precision in _PRECISIONS:
        timed = {_peak(size): Timed(product(precision, size, _THREADS), 2 * size**3) for size in pace.sizes}
        timed |= _runs(found, folders, precision, pace.tokens)
        blocks = {name: partial(rate, each, pace.seconds) for name, each in timed.items()}
        settled = partial(_settled, pace.tokens)
        _add(found, precision, take_turns(blocks, rounds, f"roofline, {precision}", settled), pace)
    return found


def _settled(lengths: tuple[int, ...], rates: Mapping[str, Sequence[float]]) -> bool:
    return all(narrow(rates[_run(tokens)], rates[_run(tokens, "again")]) for tokens in lengths)


def rate(timed: Timed, seconds: float) -> float:
    """GOP/s: the median of at least two runs, and of as many as fit into the time."""
    taken: list[int] = []
    while len(taken) < _LEAST or sum(taken) < seconds * 1e9:
        start = time.perf_counter_ns()
        timed.run()
        taken.append(time.perf_counter_ns() - start)
    return timed.operations / statistics.median(taken)


def _runs(found: Found, folders: ModelFolders, precision: str, lengths: tuple[int, ...]) -> dict[str, Timed]:
    """The runs of each length, each under two names; what they multiply, and what they spend their time on."""
    spied, made = Spied(folders.artifact, precision, _THREADS), {}
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    for tokens in lengths:
        (text,) = writer.write(tokens, 1)
        events = profile(folders.artifact, precision, _THREADS, text, _PROFILED)
        counted = count(events, _PROFILED)
        found.params["operations"][f"{precision}, {tokens} tokens"] = counted
        found.params["profiles"][f"{precision}, {tokens} tokens"] = table(events, _PROFILED)
        made[_run(tokens)] = made[_run(tokens, "again")] = Timed(spied.take(text).run, sum(counted.values()))
    return made


def _add(found: Found, precision: str, rates: dict[str, list[float]], pace: Pace) -> None:
    ours, again, peak = f"fillmask-{precision}", f"fillmask-{precision}-again", f"peak-{precision}"
    for size in pace.sizes:
        found.rows.append(Row(peak, precision, {"size": size}, "GOP/s", rates[_peak(size)]))
    best = max((rates[_peak(size)] for size in pace.sizes), key=statistics.median)
    for tokens in pace.tokens:
        case = {"tokens": tokens, "precision": precision}
        values = {ours: rates[_run(tokens)], again: rates[_run(tokens, "again")], peak: best}
        found.rows += [Row(name, precision, case, "GOP/s", values[name]) for name in (ours, again)]
        compare(found, case, values, pairs=[(ours, peak)], again=(ours, again), more_is_better=True)


def _peak(size: int) -> str:
    return f"peak {size}"


def _run(tokens: int, again: str = "") -> str:
    return f"run {tokens} {again}"


command = suite_command("roofline", measure, "Time runs beside large matrix products.")
