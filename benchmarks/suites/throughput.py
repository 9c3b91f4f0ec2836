"""How many texts of the lengths of sentences per second, on two cores or on a GPU: one by one, and in batches.

On two cores every contender runs on one thread, twice at the same time: fillmask and OpenVINO in one process, each
pipeline in two. In batches, texts of similar length run together, in the batch size that is each contender's best of
those tried. OpenVINO's texts are not batched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from benchmarks.contenders import TOP_K
from benchmarks.device import Device
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, progress
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer, lengths

_CORES = 2
_ROUNDS = {"quick": 9, "full": 15}
_TEXTS = {"minilm": 96, "bert-base": 24, "xlmr-base": 16, "antiberty": 32}
_BATCH_SIZES, _GPU_BATCH_SIZES = (4, 8, 16, 32), (8, 32, 128)
_GPU_TEXTS = {"quick": 96, "full": 512}
_TRIALS = 2  # of each batch size; the faster of them counts
# A pipeline of transformers runs one call at a time, and Python's own lock would hold a second one in its process.
_ONE_CALL_A_PROCESS = ("transformers", "optimum")
_WITHOUT_BATCHES = "openvino"


Way = dict[str, Any]
"""How a contender runs many texts: ``batch_size``, ``workers`` of a process, ``processes``, and ``tried``, the texts
per second by batch size."""
Processes = tuple[Workers, Workers]
"""The first process of each contender, and the second one of those that have two."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time all contenders on the same texts."""
    device = options.device
    number = _TEXTS[options.model] if device.is_cpu else _GPU_TEXTS[options.profile]
    sizes = _BATCH_SIZES if device.is_cpu else _GPU_BATCH_SIZES
    result = SuiteResult({"rounds": options.rounds or _ROUNDS[options.profile], "seed": SEED, "cores": _CORES,
                          "top_k": TOP_K, "texts": number, "tokens": lengths(number, SEED),
                          "batch_sizes": sizes}, device)  # fmt: skip
    texts = Writer.of(folders).mix(number, SEED)
    threads = dict.fromkeys(options.contenders, 1 if device.is_cpu else 0) | _openvino_threads(options)
    second = {name: 1 for name in threads if device.is_cpu and name.startswith(_ONE_CALL_A_PROCESS)}
    with Workers(folders, threads, device) as first, Workers(folders, second, device) as others:
        processes = first, others
        ways = {name: _way(name, device) for name in first.loaded if name not in others.failed}
        _time(result, processes, texts, "one by one", ways)
        with progress([name for name in ways if name != device.again], "batch sizes") as names:
            for name in names:
                if not name.startswith(_WITHOUT_BATCHES):
                    speed = partial(_speed, processes, name, texts, ways[name])
                    ways[name] = ways[name] | best_batch_size(sizes, speed)
        ways |= {device.again: ways[device.ours]} if {device.again, device.ours} <= ways.keys() else {}
        _time(result, processes, texts, "batches", ways)
    return result


def best_batch_size(sizes: Sequence[int], speed: Callable[[int], float]) -> dict[str, Any]:
    """Try batch sizes.

    Returns:
        ``batch_size``, the fastest, and ``tried``, the better speed of two trials by batch size; it is 0 where one
        fails, as a batch does that exceeds the memory.
    """
    tried = {}
    for size in sizes:
        try:
            tried[size] = max(speed(size) for _ in range(_TRIALS))
        except ContenderError:
            tried[size] = 0.0
    return {"batch_size": max(tried, key=tried.__getitem__), "tried": {str(size): tried[size] for size in sizes}}


def _openvino_threads(options: SuiteOptions) -> dict[str, int]:
    """Of all its streams together."""
    return {name: _CORES for name in options.contenders if name.startswith("openvino")}


def _way(name: str, device: Device) -> Way:
    """One by one."""
    processes = _CORES if device.is_cpu and name.startswith(_ONE_CALL_A_PROCESS) else 1
    return {"batch_size": 1, "workers": _CORES // processes if device.is_cpu else 1, "processes": processes}


def _time(result: SuiteResult, processes: Processes, texts: list[str], title: str, ways: dict[str, Way]) -> None:
    blocks = {name: partial(_speed, processes, name, texts, way, way["batch_size"]) for name, way in ways.items()}
    settings = {name: processes[0].settings[name] | way for name, way in ways.items()}
    control, failed = (result.device.ours, result.device.again), processes[0].failed | processes[1].failed
    result.run({"way": title}, "texts/s", blocks, control=control, settings=settings, failed=failed)


def _speed(processes: Processes, name: str, texts: list[str], way: Way, batch_size: int) -> float:
    """Texts per second of all processes together, each with its part of the texts."""

    def speed(part: int) -> float:
        own = texts[part :: way["processes"]]
        seconds = processes[part].call(name, "seconds", texts=own, batch_size=batch_size, workers=way["workers"])
        return len(own) / float(seconds)

    with ThreadPoolExecutor(way["processes"]) as threads:
        return sum(threads.map(speed, range(way["processes"])))


command = suite_command(
    "throughput", measure, "Time many texts of the lengths of sentences, on two cores or on a GPU.", on_gpu=True
)
