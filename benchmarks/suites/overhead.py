"""What fillmask costs beside ONNX Runtime: a call beside the bare session fed the same arrays, which are ready.

Both are of one session in one process, block by block by turns. The call's own run is timed inside it as well: what
lies outside is fillmask's work; what is left of the difference is the run's, whose caches that work has emptied.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle

from benchmarks.contenders import FILLMASK
from benchmarks.harness.records import Row
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import narrow
from benchmarks.measures.comparing import compare
from benchmarks.measures.runs import Spied
from benchmarks.measures.turns import SEED, take_turns
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_FLOOR, _AGAIN = "floor-int8", "floor-int8-again"
_THREADS = 1


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured.

    Attributes:
        rounds: That count.
        calls: Of a block.
        texts: Different ones, by turns.
        tokens: Of a text.
    """

    rounds: int
    calls: int = 20
    texts: int = 8
    tokens: tuple[int, ...] = (8, 16, 32, 64, 128)


_PACES = {"quick": Pace(40, tokens=(32,)), "full": Pace(121)}
Block = tuple[float, float, float]
"""Medians of a block, as ``medians`` gives them."""


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time calls and bare runs."""
    pace = _PACES[asked.profile]
    rounds, spied = asked.rounds or pace.rounds, Spied(folders.artifact, "int8", _THREADS)
    found = Found(asdict(pace) | {"rounds": rounds, "seed": SEED, "threads": _THREADS, "ratio": "ms over ms",
                                  "samples": "the median of each round's block"})  # fmt: skip
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    gc.collect()
    gc.freeze()
    for tokens in pace.tokens:
        blocks = _blocks(spied, writer.write(tokens, pace.texts), pace.calls)
        _add(found, take_turns(blocks, rounds, f"overhead, {tokens} tokens", _settled), tokens)
    return found


def _blocks(spied: Spied, texts: list[str], calls: int) -> dict[str, Callable[[], Block]]:
    taken = [spied.take(text) for text in texts]
    asked, run = cycle([each.call for each in taken]), cycle([each.run for each in taken])

    def whole() -> tuple[float, float]:
        return _time(next(asked)), spied.run_ms

    def bare() -> tuple[float, float]:
        elapsed = _time(next(run))
        return elapsed, elapsed

    clocks = {FILLMASK: whole, _FLOOR: bare, _AGAIN: bare}
    return {name: partial(_block, clock, calls) for name, clock in clocks.items()}


def _settled(blocks: Mapping[str, Sequence[Block]]) -> bool:
    floor, again = ([block[0] for block in blocks[name]] for name in (_FLOOR, _AGAIN))
    return narrow(floor, again)


def _block(clock: Callable[[], tuple[float, float]], calls: int) -> Block:
    return medians([clock() for _ in range(calls)])


def medians(pairs: list[tuple[float, float]]) -> Block:
    """Of milliseconds of calls, of the runs inside them, and of the share that lies outside those."""
    whole, inside = zip(*pairs, strict=True)
    outside = [1 - run / call for call, run in pairs]
    return statistics.median(whole), statistics.median(inside), statistics.median(outside)


def _add(found: Found, blocks: dict[str, list[Block]], tokens: int) -> None:
    case = {"tokens": tokens}
    times = {name: [block[0] for block in each] for name, each in blocks.items()}
    found.rows += [Row(name, "int8", case, "ms", each) for name, each in times.items()]
    inside, outside = ([block[index] for block in blocks[FILLMASK]] for index in (1, 2))
    found.rows.append(Row(FILLMASK, "int8", case | {"step": "run"}, "ms", inside))
    found.rows.append(Row(FILLMASK, "int8", case | {"step": "outside"}, "share", outside))
    compare(found, case, times, pairs=[(FILLMASK, _FLOOR)], again=(_FLOOR, _AGAIN))


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


command = suite_command("overhead", measure, "Time calls beside the bare session on the same arrays.")
