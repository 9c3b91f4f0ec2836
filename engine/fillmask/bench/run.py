"""The whole run, from a model to advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fillmask.artifact.folder import Artifact, open_artifact
from fillmask.artifact.manifest import GPU_VARIANTS
from fillmask.bench import machine
from fillmask.bench.advice import Advice, advise, exceptions
from fillmask.bench.candidates import Candidate, candidates, trusted
from fillmask.bench.rounds import Samples, Timer, measure
from fillmask.bench.setups import Grid, grid, thread_counts
from fillmask.bench.texts import Texts, lengths
from fillmask.environment import free_memory
from fillmask.errors import FillMaskError, InputError
from fillmask.pipeline import FillMask
from fillmask.runtime.cpu import available_threads
from fillmask.runtime.providers import CPU, wants_gpu

Tick = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What to time.

    Attributes:
        seconds: How long to time, loading and checking not included.
        variant: The only variant, or None for all.
        threads: Counts of threads; none for 1, 2, 4, … up to what this process may use.
        tokens: Lengths of texts; none for the usual ones.
        top_k: Predictions per mask.

    Raises:
        InputError: Seconds or threads are none.
    """

    seconds: float = 45.0
    variant: str | None = None
    threads: Sequence[int] = ()
    tokens: Sequence[int] = ()
    top_k: int = 5

    def __post_init__(self) -> None:
        if not self.seconds >= 0:
            raise InputError(f"seconds must be at least 0, got {self.seconds}")
        if any(count < 1 for count in self.threads):
            raise InputError(f"threads must be at least 1, got {min(self.threads)}")


@dataclass(frozen=True, slots=True)
class Timings:
    """Times, and the advice that follows.

    Attributes:
        tokens: Lengths of the texts.
        memory: Peak bytes of a process with one variant; None where that is not known.
        setups: How the model ran.
        samples: Of each cell and round, seconds a text.
        latency: What to use for one text at a time; None where no variant may be recommended.
        exceptions: Lengths at which something else has the lowest latency.
        throughput: What to use for many texts.
    """

    tokens: Sequence[int]
    memory: Mapping[str, int | None]
    setups: Grid
    samples: Samples
    latency: Advice | None
    exceptions: Sequence[Advice]
    throughput: Advice | None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run.

    Attributes:
        model: What the caller named, or None for the embedded model.
        machine: The CPU, the threads that may be used, the load before, and versions.
        top_k: Predictions per mask.
        candidates: Every variant, and why one was not timed.
        timings: What was timed; None where no variant gives its stored predictions.
        gpu: Whether a GPU runs a variant of the model where no providers are named. The CPU was timed.
    """

    model: str | None
    machine: Mapping[str, Any]
    top_k: int
    candidates: Sequence[Candidate]
    timings: Timings | None
    gpu: bool = False


def bench(model: str | Path | None, options: BenchOptions, tick: Tick = lambda _: None) -> Result:
    """Check a model's variants on this machine's CPU, time those that pass, and choose.

    Args:
        model: As in ``FillMask``.
        options: What to time.
        tick: Gets the seconds of each block.

    Raises:
        FillMaskError: The model cannot be opened or timed, or an option cannot be met.
    """
    facts = machine.facts()
    artifact = open_artifact(model, variant=options.variant or "auto")
    found = candidates(model, artifact, options.variant)
    usual = artifact.choose("auto")
    # The engine's default variant comes first, and wins over one that is not measurably faster.
    names = sorted((each.variant for each in found if each.failed is None), key=lambda name: name != usual)
    timings = _time(artifact, names, options, trusted=trusted(found, usual), tick=tick) if names else None
    gpu = wants_gpu(None) and not {*GPU_VARIANTS}.isdisjoint(artifact.variants)
    return Result(None if model is None else str(model), facts, options.top_k, found, timings, gpu)


def _time(
    artifact: Artifact, names: Sequence[str], options: BenchOptions, *, trusted: Sequence[str], tick: Tick
) -> Timings:
    maker = Texts(artifact)
    tokens = lengths(maker.max_length, options.tokens)
    texts = {length: maker.of(length) for length in tokens}
    memory = {name: machine.peak_memory(artifact.folder, name, texts[tokens[-1]][0]) for name in names}
    setups = _grid(artifact, names, options.threads)
    timer = Timer(_load(artifact, setups, memory), texts, options.top_k)
    samples = measure(timer.block, setups.cells(tokens), options.seconds, tick)
    alone, many = setups.preferred(trusted)
    latency = advise(samples, alone, tokens, beside=setups.usual, control=setups.control)
    throughput = advise(samples, many, tokens, beside=setups.usual, control=setups.control)
    others = () if latency is None else exceptions(samples, alone, latency, control=setups.control)
    return Timings(tokens, memory, setups, samples, latency, others, throughput)


def _grid(artifact: Artifact, names: Sequence[str], wanted: Sequence[int]) -> Grid:
    budget = available_threads()
    entries = artifact.manifest.get("variants", {})
    batched = [name for name in names if entries.get(name, {}).get("batch_invariant")]
    return grid(names, thread_counts(budget, wanted), budget=budget, batched=batched)


def _load(artifact: Artifact, setups: Grid, memory: Mapping[str, int | None]) -> dict[tuple[str, int], FillMask]:
    """Every variant with every count of threads, all loaded at once, if memory suffices."""
    pairs = sorted({(setup.variant, setup.threads) for setup in [*setups.latency, *setups.throughput]})
    needed, free = sum(memory[name] or 0 for name, _ in pairs), free_memory()
    if free is not None and needed > free:
        raise FillMaskError(
            f"to time {len(pairs)} pairs of variant and threads takes {needed / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free; name fewer with --variant or --threads"
        )
    open_at = partial(FillMask, artifact.folder, providers=[CPU])
    return {(name, count): open_at(variant=name, threads=count) for name, count in pairs}
