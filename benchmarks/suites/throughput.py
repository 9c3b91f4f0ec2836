"""How many texts of the lengths of sentences per second, on two cores or on a GPU: one by one, and in batches.

One by one, fillmask and OpenVINO run a text on each core, the pipelines a text on both. In batches, texts of similar
length run together, in the batch size that is each contender's best of those tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.contenders import TOP_K
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
# These run a text on each core; the others all cores for each text.
_PARALLEL = ("fillmask", "openvino")
_WITHOUT_BATCHES = "openvino"


Way = dict[str, Any]
"""How a contender runs many texts: ``batch_size``, ``workers``, and ``tried``, the texts per second by batch size."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time all contenders on the same texts."""
    device = options.device
    number = _TEXTS[options.model] if device.is_cpu else _GPU_TEXTS[options.profile]
    sizes = _BATCH_SIZES if device.is_cpu else _GPU_BATCH_SIZES
    result = SuiteResult({"rounds": options.rounds or _ROUNDS[options.profile], "seed": SEED, "cores": _CORES,
                          "top_k": TOP_K, "texts": number, "tokens": lengths(number, SEED),
                          "batch_sizes": sizes}, device)  # fmt: skip
    texts = Writer.of(folders).mix(number, SEED)
    threads = {name: _threads(name) if device.is_cpu else 0 for name in options.contenders}
    with Workers(folders, threads, device) as workers:
        parallel = _PARALLEL if device.is_cpu else ()
        ways: dict[str, Way] = {name: {"batch_size": 1, "workers": _CORES if name.startswith(parallel) else 1}
                                for name in workers.loaded}  # fmt: skip
        _time(result, workers, texts, "one by one", ways)
        with progress([name for name in ways if name != device.again], "batch sizes") as names:
            for name in names:
                if not name.startswith(_WITHOUT_BATCHES):
                    ways[name] = ways[name] | best_batch_size(sizes, partial(_speed, workers, name, texts, ways[name]))
        ways |= {device.again: ways[device.ours]} if {device.again, device.ours} <= ways.keys() else {}
        _time(result, workers, texts, "batches", ways)
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


def _threads(name: str) -> int:
    return 1 if name.startswith("fillmask") else _CORES


def _time(result: SuiteResult, workers: Workers, texts: list[str], title: str, ways: dict[str, Way]) -> None:
    blocks = {name: partial(_speed, workers, name, texts, way, way["batch_size"]) for name, way in ways.items()}
    settings = {name: workers.settings[name] | way for name, way in ways.items()}
    control = result.device.ours, result.device.again
    result.run({"way": title}, "texts/s", blocks, control=control, settings=settings, failed=workers.failed)


def _speed(workers: Workers, name: str, texts: list[str], way: Way, batch_size: int) -> float:
    """Texts per second."""
    return len(texts) / float(workers.call(name, "seconds", texts=texts, batch_size=batch_size, workers=way["workers"]))


command = suite_command(
    "throughput", measure, "Time many texts of the lengths of sentences, on two cores or on a GPU.", on_gpu=True
)
