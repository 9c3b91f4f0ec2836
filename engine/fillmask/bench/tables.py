"""The result as text for the terminal, or as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fillmask.bench.advice import Advice
from fillmask.bench.run import Result, Timings
from fillmask.bench.setups import Cell, Setup
from fillmask.bench.summaries import by_round, percentiles
from fillmask.runtime.providers import CPU

_MUCH_NOISE = 0.05
_ENOUGH_ROUNDS = 5  # with which intervals come close to their 95 %, see median_interval


def text(result: Result) -> str:
    """The whole result for people."""
    lines = [
        _heading(result),
        *(f"{each.variant}: not timed, {each.failed}" for each in result.candidates if each.failed),
    ]
    if result.timings is not None:
        lines += ["", *_latency(result.timings), "", *_throughput(result.timings), "", *_advice(result, result.timings)]
    return "\n".join(lines)


def document(result: Result) -> dict[str, Any]:
    """The whole result for programs."""
    found = {
        "model": result.model,
        "machine": result.machine,
        "top_k": result.top_k,
        "variants": [asdict(each) for each in result.candidates],
    }
    if result.timings is None:
        return found
    timings = result.timings
    return found | {
        "peak_memory_bytes": timings.memory,
        "cells": [_cell(timings, cell) for cell in timings.samples],
        "latency": timings.latency and _advice_record(result, timings.latency),
        "exceptions": [_advice_record(result, each) for each in timings.exceptions],
        "throughput": timings.throughput and _advice_record(result, timings.throughput),
    }


def python(model: str | None, setup: Setup, *, on_cpu: bool = False) -> str:
    """Python that runs a model with this setup; ``on_cpu`` names the CPU, where a GPU would run it otherwise."""
    source = "" if model is None else f"{json.dumps(model, ensure_ascii=False)}, "
    providers = f', providers=["{CPU}"]' if on_cpu else ""
    made = f'FillMask({source}variant="{setup.variant}", threads={setup.threads}{providers})'
    if setup.alone:
        return made
    batch = f", batch_size={setup.batch_size}" if setup.batch_size > 1 else ""
    return f"{made}.predict_many(texts, workers={setup.workers}{batch})"


def shell(model: str | None, setup: Setup, *, on_cpu: bool = False) -> str:
    """The command that serves a model with this setup."""
    source = [] if model is None else [model]
    options = ["--variant", setup.variant, "--threads", str(setup.workers), *(["--provider", "cpu"] if on_cpu else [])]
    return shlex.join(["fillmask", "serve", *source, *options])


def _heading(result: Result) -> str:
    machine, rounds = result.machine, 0 if result.timings is None else _rounds(result.timings)
    return (
        f"{result.model or 'minilm-en'} on {'the CPU, ' * result.gpu}{machine['threads']} threads of {machine['cpu']}, "
        f"load {machine['load']} before; {rounds} rounds, top_k {result.top_k}"
    )


def _latency(timings: Timings) -> list[str]:
    def shown(cell: Cell) -> str:
        p50, p90 = (None if value is None else value * 1000 for value in percentiles(timings.samples, cell))
        return f"{_number(p50)} / {_number(p90)}"

    lines = ["One text at a time, ms: half of the calls take at most / nine of ten take at most"]
    lines.append(_row("variant", "threads", [f"{length} tokens" for length in timings.tokens] + ["peak memory"]))
    for setup in timings.setups.latency:
        cells = _cells(timings, setup, shown)
        lines.append(_row(setup.variant, str(setup.threads), [*cells, _bytes(timings.memory[setup.variant])]))
    return lines


def _throughput(timings: Timings) -> list[str]:
    def shown(cell: Cell) -> str:
        return _number(1 / float(np.median(by_round(timings.samples, cell.setup, [cell.tokens]))))

    lines = ["Many texts, each on one thread: texts a second"]
    lines.append(_row("variant", "at once", [f"{length} tokens" for length in timings.tokens]))
    for setup in timings.setups.throughput:
        at_once = str(setup.workers) if setup.batch_size == 1 else f"{setup.workers} × {setup.batch_size}"
        lines.append(_row(setup.variant, at_once, _cells(timings, setup, shown)))
    return lines


def _cells(timings: Timings, setup: Setup, shown: Callable[[Cell], str]) -> list[str]:
    cells = [Cell(setup, length) for length in timings.tokens]
    return [shown(cell) if cell in timings.samples else "—" for cell in cells]


def _advice(result: Result, timings: Timings) -> list[str]:
    if timings.latency is None or timings.throughput is None:
        return ["No variant can be recommended: nothing says whether their predictions are right on this machine."]
    lines = [_noise(timings.latency), *_few_rounds(_rounds(timings)), ""]
    made = python(result.model, timings.latency.setup, on_cpu=result.gpu)
    lines += _recommended("Lowest latency", [made], timings.latency, usual=not result.gpu)
    for each in timings.exceptions:
        lines.append(f"  but at {each.tokens[0]} tokens {_describe(each.setup)}, {each.gain} as fast as that")
    commands = [make(result.model, timings.throughput.setup, on_cpu=result.gpu) for make in (python, shell)]
    return [*lines, "", *_recommended("Most texts a second", commands, timings.throughput, usual=not result.gpu)]


def _noise(advice: Advice) -> str:
    width = max(advice.noise.high, 1 / advice.noise.low) - 1
    line = f"Noise: the same setup timed twice is {advice.noise} as fast as itself."
    if width > _MUCH_NOISE:
        line += f" This machine is too noisy now to tell differences below {width:.0%}."
    return line


def _rounds(timings: Timings) -> int:
    return len(next(iter(timings.samples.values())))


def _few_rounds(rounds: int) -> list[str]:
    """A warning where the bootstrap of a median gives the range of the rounds, which holds the truth too rarely."""
    if rounds >= _ENOUGH_ROUNDS:
        return []
    covered = 1 - 0.5 ** (rounds - 1)  # all rounds lie on one side of the median otherwise
    return [
        f"Only {rounds} rounds: an interval in brackets holds the true ratio in {covered:.0%} of runs, not in 95%. "
        f"More --seconds give more, and so does a choice of --variant, --threads or --tokens."
    ]


def _recommended(title: str, commands: list[str], advice: Advice, *, usual: bool) -> list[str]:
    """A title, what to type, and how it compares; ``usual`` if what it is compared with runs by default."""
    lengths = ", ".join(map(str, advice.tokens))
    lines = [f"{title} ({lengths} tokens):", *(f"  {each}" for each in commands)]
    beside = _describe(advice.beside) + (", which is what runs by default" if usual else "")
    if advice.setup == advice.beside:
        lines += ["  which is what runs by default"] if usual else []
    elif advice.significant:
        lines.append(f"  {advice.gain} as fast as {beside}")
    elif advice.gain is not None:
        lines.append(f"  {advice.gain} as fast as {beside}: too noisy to tell")
    others = [each for each in advice.equals if each != advice.beside]
    if others:
        lines.append(f"  too noisy to tell from {'; '.join(map(_describe, others))}")
    return lines


def _advice_record(result: Result, advice: Advice) -> dict[str, Any]:
    return asdict(advice) | {
        "significant": advice.significant,
        "python": python(result.model, advice.setup, on_cpu=result.gpu),
        "shell": shell(result.model, advice.setup, on_cpu=result.gpu),
    }


def _cell(timings: Timings, cell: Cell) -> dict[str, Any]:
    rounds = [[round(seconds * 1000, 4) for seconds in block] for block in timings.samples[cell]]
    return asdict(cell.setup) | {"tokens": cell.tokens, "control": cell.again, "ms_per_text": rounds}


def _describe(setup: Setup) -> str:
    if setup.alone:
        return f"{setup.variant} on {setup.threads} thread{'s' * (setup.threads > 1)}"
    batch = f", batches of {setup.batch_size}" if setup.batch_size > 1 else ""
    return f"{setup.variant}, {setup.workers} at once{batch}"


def _row(first: str, second: str, rest: Sequence[str]) -> str:
    return f"  {first:8} {second:8}" + "".join(f"{cell:>16}" for cell in rest)


def _number(value: float | None) -> str:
    """Three significant digits; a dash for None."""
    if value is None:
        return "—"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _bytes(count: int | None) -> str:
    return "—" if count is None else f"{count / 1e6:.0f} MB"
