"""What was timed, on the terminal or as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fillmask.bench.advice import Advice
from fillmask.bench.comparing import by_round, percentiles
from fillmask.bench.run import Result, Timed
from fillmask.bench.setups import Cell, Setup

_MUCH_NOISE = 0.05


def text(result: Result) -> str:
    """The whole result for people."""
    lines = [
        _heading(result),
        *(f"{each.variant}: not timed, {each.failed}" for each in result.candidates if each.failed),
    ]
    if result.timed is not None:
        lines += ["", *_latency(result.timed), "", *_throughput(result.timed), "", *_advice(result, result.timed)]
    return "\n".join(lines)


def document(result: Result) -> dict[str, Any]:
    """The whole result for programs."""
    found = {
        "model": result.model,
        "machine": result.machine,
        "top_k": result.top_k,
        "variants": [asdict(each) for each in result.candidates],
    }
    if result.timed is None:
        return found
    timed = result.timed
    return found | {
        "peak_memory_bytes": timed.memory,
        "cells": [_cell(timed, cell) for cell in timed.samples],
        "latency": timed.latency and _advised(result, timed.latency),
        "exceptions": [_advised(result, each) for each in timed.exceptions],
        "throughput": timed.throughput and _advised(result, timed.throughput),
    }


def python(model: str | None, setup: Setup) -> str:
    """What to write to run a model so."""
    source = "" if model is None else f"{json.dumps(model, ensure_ascii=False)}, "
    made = f'FillMask({source}variant="{setup.variant}", threads={setup.threads})'
    if setup.alone:
        return made
    batch = f", batch_size={setup.batch_size}" if setup.batch_size > 1 else ""
    return f"{made}.predict_many(texts, workers={setup.workers}{batch})"


def shell(model: str | None, setup: Setup) -> str:
    """What to type to serve a model so."""
    source = [] if model is None else [model]
    return shlex.join(["fillmask", "serve", *source, "--variant", setup.variant, "--threads", str(setup.workers)])


def _heading(result: Result) -> str:
    machine, rounds = result.machine, 0
    if result.timed is not None:
        rounds = len(next(iter(result.timed.samples.values())))
    return (
        f"{result.model or 'minilm-en'} on {machine['threads']} threads of {machine['cpu']}, load {machine['load']} "
        f"before; {rounds} rounds, top_k {result.top_k}"
    )


def _latency(timed: Timed) -> list[str]:
    def shown(cell: Cell) -> str:
        p50, p90 = (None if value is None else value * 1000 for value in percentiles(timed.samples, cell))
        return f"{_number(p50)} / {_number(p90)}"

    lines = ["One text at a time, ms: half of the calls take at most / nine of ten take at most"]
    lines.append(_row("variant", "threads", [f"{length} tokens" for length in timed.tokens] + ["peak memory"]))
    for setup in timed.setups.latency:
        cells = _cells(timed, setup, shown)
        lines.append(_row(setup.variant, str(setup.threads), [*cells, _bytes(timed.memory[setup.variant])]))
    return lines


def _throughput(timed: Timed) -> list[str]:
    def shown(cell: Cell) -> str:
        return _number(1 / float(np.median(by_round(timed.samples, cell.setup, [cell.tokens]))))

    lines = ["Many texts, each on one thread: texts a second"]
    lines.append(_row("variant", "at once", [f"{length} tokens" for length in timed.tokens]))
    for setup in timed.setups.throughput:
        at_once = str(setup.workers) if setup.batch_size == 1 else f"{setup.workers} × {setup.batch_size}"
        lines.append(_row(setup.variant, at_once, _cells(timed, setup, shown)))
    return lines


def _cells(timed: Timed, setup: Setup, shown: Callable[[Cell], str]) -> list[str]:
    cells = [Cell(setup, length) for length in timed.tokens]
    return [shown(cell) if cell in timed.samples else "—" for cell in cells]


def _advice(result: Result, timed: Timed) -> list[str]:
    if timed.latency is None or timed.throughput is None:
        return ["No variant can be recommended: nothing says whether their answers are right on this machine."]
    lines = [_noise(timed.latency), ""]
    lines += _recommended("Lowest latency", [python(result.model, timed.latency.setup)], timed.latency)
    for each in timed.exceptions:
        lines.append(f"  but at {each.tokens[0]} tokens {_named(each.setup)}, {each.gain} as fast as that")
    typed = [python(result.model, timed.throughput.setup), shell(result.model, timed.throughput.setup)]
    return [*lines, "", *_recommended("Most texts a second", typed, timed.throughput)]


def _noise(advice: Advice) -> str:
    width = max(advice.noise.high, 1 / advice.noise.low) - 1
    said = f"Noise: the same setup timed twice is {advice.noise} as fast as itself."
    if width > _MUCH_NOISE:
        said += f" This machine is too noisy now to tell differences below {width:.0%}."
    return said


def _recommended(title: str, typed: list[str], advice: Advice) -> list[str]:
    lengths = ", ".join(map(str, advice.tokens))
    lines = [f"{title} ({lengths} tokens):", *(f"  {each}" for each in typed)]
    beside = f"{_named(advice.beside)}, which is what runs by default"
    if advice.setup == advice.beside:
        lines.append("  which is what runs by default")
    elif advice.told:
        lines.append(f"  {advice.gain} as fast as {beside}")
    elif advice.gain is not None:
        lines.append(f"  {advice.gain} as fast as {beside}: too noisy to tell")
    others = [each for each in advice.equals if each != advice.beside]
    if others:
        lines.append(f"  too noisy to tell from {'; '.join(map(_named, others))}")
    return lines


def _advised(result: Result, advice: Advice) -> dict[str, Any]:
    return asdict(advice) | {
        "told": advice.told,
        "python": python(result.model, advice.setup),
        "shell": shell(result.model, advice.setup),
    }


def _cell(timed: Timed, cell: Cell) -> dict[str, Any]:
    rounds = [[round(seconds * 1000, 4) for seconds in block] for block in timed.samples[cell]]
    return asdict(cell.setup) | {"tokens": cell.tokens, "control": cell.again, "ms_per_text": rounds}


def _named(setup: Setup) -> str:
    if setup.alone:
        return f"{setup.variant} on {setup.threads} thread{'s' * (setup.threads > 1)}"
    batch = f", batches of {setup.batch_size}" if setup.batch_size > 1 else ""
    return f"{setup.variant}, {setup.workers} at once{batch}"


def _row(first: str, second: str, rest: Sequence[str]) -> str:
    return f"  {first:8} {second:8}" + "".join(f"{cell:>16}" for cell in rest)


def _number(value: float | None) -> str:
    """Three digits that count, or a dash where there were too few calls to say."""
    if value is None:
        return "—"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _bytes(count: int | None) -> str:
    return "—" if count is None else f"{count / 1e6:.0f} MB"
