"""Contenders on a device beside each other: one text by its tokens, and many by batch and tokens."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.contenders.gpu_ import AGAIN, OURS
from benchmarks.harness.records import Row
from benchmarks.harness.suite import Found
from benchmarks.harness.validity import narrow
from benchmarks.measures.gpu_field import GpuField, Raced, race
from benchmarks.models.texts import Writer

ONE, BEST, RUN = "one text", "best batches", "run of"
_TEXTS = 16
_LEAST, _MOST = 3, 60  # calls of a block
_BATCHES = 4  # of a block, so that a contender can tokenize the next while one runs
Way = tuple[str, int]
"""A contender and its batch size."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured.

    Attributes:
        rounds: That count.
        seconds: Of a block, at least.
        texts: That answers are checked on.
        alone: Tokens of a text that runs alone.
        tokens: Of texts that run together.
        batch_sizes: Texts that run together.
        shapes: Texts and tokens of the runs that are set beside the peak.
    """

    rounds: int
    seconds: float
    texts: int
    alone: tuple[int, ...]
    tokens: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    shapes: tuple[tuple[int, int], ...]


def latency(found: Found, field: GpuField, names: Sequence[str], writer: Writer, pace: Pace) -> None:
    """Time calls with one text, of each length."""
    for tokens in pace.alone:
        block = {"texts": writer.write(tokens, _TEXTS), "least": _LEAST, "most": _MOST, "seconds": pace.seconds}
        blocks = {name: partial(field.attempt, name, "calls", **block) for name in names}
        raced = race(blocks, pace.rounds, f"one text of {tokens}", _settled_calls)
        case = {"tokens": tokens, "way": ONE}
        _add(found, field, case, raced, dict.fromkeys(names, 1))
        found.compare(case, {name: [1 / statistics.median(block) for block in blocks]
                             for name, blocks in raced.values.items()}, AGAIN)  # fmt: skip


def throughput(found: Found, field: GpuField, names: Sequence[str], writer: Writer, pace: Pace) -> None:
    """Time many texts of each length; all batch sizes of all contenders take turns, so that the best compare."""
    for tokens in pace.tokens:
        texts = writer.write(tokens, _BATCHES * max(pace.batch_sizes))
        blocks = {(name, size): partial(_speed, field, name, texts[: _BATCHES * size], size)
                  for name in names for size in pace.batch_sizes}  # fmt: skip
        raced = race(blocks, pace.rounds, f"many of {tokens}", partial(_settled_speeds, pace.batch_sizes))
        for size in pace.batch_sizes:
            case = {"tokens": tokens, "way": f"batches of {size}"}
            _add_way(found, field, case, raced, {name: (name, size) for name in names})
        _add_way(found, field, {"tokens": tokens, "way": BEST}, raced, best(raced.values))


def best(speeds: Mapping[Way, Sequence[float]]) -> dict[str, Way]:
    """Each contender's fastest batch size; the control has that of its double."""
    ways: dict[str, Way] = {}
    for way in sorted(speeds, key=lambda way: statistics.median(speeds[way])):
        ways[way[0]] = way
    return ways | ({AGAIN: (AGAIN, ways[OURS][1])} if OURS in ways and (AGAIN, ways[OURS][1]) in speeds else {})


def _add_way(found: Found, field: GpuField, case: dict[str, Any], raced: Raced[Way], ways: Mapping[str, Way]) -> None:
    values = {name: raced.values[way] for name, way in ways.items() if way in raced.values}
    failed = {name: raced.failed[way] for name, way in ways.items() if way in raced.failed}
    _add(found, field, case, Raced(values, failed), {name: size for name, (_, size) in ways.items()})
    found.compare(case, values, AGAIN)


def _add(found: Found, field: GpuField, case: dict[str, Any], raced: Raced[str], sizes: Mapping[str, int]) -> None:
    unit = "ms" if case["way"] == ONE else "texts/s"
    for name, samples in raced.values.items():
        settings = field.settings[name] | {"batch_size": sizes[name]}
        found.rows.append(Row(name, field.device.precision_of(name), case, unit, samples, settings))
    for name, why in raced.failed.items():
        found.rows.append(Row(name, field.device.precision_of(name), case, unit, [], failed=why))


def _speed(field: GpuField, name: str, texts: list[str], size: int) -> float:
    """Texts a second."""
    seconds: float = field.attempt(name, "seconds", texts=texts, batch_size=size, workers=1)
    return len(texts) / seconds


def _settled_calls(given: Mapping[str, Sequence[list[float]]]) -> bool:
    ours, twin = ([statistics.median(block) for block in given.get(name, [])] for name in (OURS, AGAIN))
    return narrow(ours, twin)


def _settled_speeds(sizes: Sequence[int], given: Mapping[str, Sequence[float]]) -> bool:
    return all(narrow(given.get(str((OURS, size)), []), given.get(str((AGAIN, size)), [])) for size in sizes)
