"""How many texts of the lengths of sentences per second, on two cores or on a GPU: one by one, and in batches.

One by one, fillmask and OpenVINO run a text on each core, the pipelines a text on both. In batches, texts of similar
length run together, in the batch size that is each contender's best of those tried.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from benchmarks.contenders import TOP_K
from benchmarks.harness.gate import open_gate
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, progress, run_rounds
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


class Way(NamedTuple):
    """How a contender runs many texts."""

    batch_size: int
    workers: int
    notes: str = ""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time all contenders on the same texts."""
    device, gate = options.device, open_gate(options.folder, folders, options.device)
    number = _TEXTS[options.model] if device.is_cpu else _GPU_TEXTS[options.profile]
    params = {"rounds": options.rounds or _ROUNDS[options.profile], "seed": SEED, "cores": _CORES, "top_k": TOP_K,
              "texts": number, "tokens": lengths(number, SEED),
              "batch_sizes": _BATCH_SIZES if device.is_cpu else _GPU_BATCH_SIZES}  # fmt: skip
    result, texts = SuiteResult(params, device, gate=gate.reason), Writer.of(folders).mix(number, SEED)
    names = [name for name in options.contenders if name not in gate.refused]
    threads = {name: 0 if not device.is_cpu else 1 if name.startswith("fillmask") else _CORES for name in names}
    with Workers(folders, threads, device) as workers:
        failed, parallel = gate.refused | workers.failed, _PARALLEL if device.is_cpu else ()
        alone = {name: Way(1, _CORES if name.startswith(parallel) else 1) for name in workers.loaded}
        _time(result, workers, texts, "one by one", ways=alone, failed=failed)
        _time(result, workers, texts, "batches", ways=_best(workers, texts, alone, result), failed=failed)
    return result


def _time(
    result: SuiteResult, workers: Workers, texts: list[str], title: str, *, ways: dict[str, Way], failed: dict[str, str]
) -> None:
    case, control = {"way": title}, (result.device.ours, result.device.again)
    blocks = {name: partial(_speed, workers, name, texts, way) for name, way in ways.items()}
    rounds = run_rounds(blocks, result.params["rounds"], title, controls=[control])
    rounds.failed.update(failed)
    settings = {name: workers.settings[name] | {"batch_size": way.batch_size, "workers": way.workers}
                for name, way in ways.items()}  # fmt: skip
    result.add(case, "texts/s", rounds, settings=settings, notes={name: way.notes for name, way in ways.items()})
    result.compare(case, "texts/s", rounds.samples, control=control)


def _best(workers: Workers, texts: list[str], alone: dict[str, Way], result: SuiteResult) -> dict[str, Way]:
    """By contender its best batch size; those without batches run as before, and the control as its double."""
    ours, again = result.device.ours, result.device.again
    ways = {name: way for name, way in alone.items() if name.startswith(_WITHOUT_BATCHES)}
    with progress([name for name in alone if name not in ways and name != again], "batch sizes") as names:
        for name in names:
            tried = {size: _try(workers, name, texts, alone[name]._replace(batch_size=size))
                     for size in result.params["batch_sizes"]}  # fmt: skip
            speeds = "; ".join(f"{size}: {speed:.0f}/s" for size, speed in tried.items())
            best = max(tried, key=tried.__getitem__)
            ways[name] = Way(best, alone[name].workers, f"batch sizes tried: {speeds}")
    return ways | ({again: ways[ours]} if again in alone and ours in ways else {})


def _try(workers: Workers, name: str, texts: list[str], way: Way) -> float:
    """The best texts per second of a batch size; 0 where it fails, as a batch does that exceeds the memory."""
    try:
        return max(_speed(workers, name, texts, way) for _ in range(_TRIALS))
    except ContenderError:
        return 0.0


def _speed(workers: Workers, name: str, texts: list[str], way: Way) -> float:
    """Texts per second."""
    seconds: float = workers.call(name, "seconds", texts=texts, batch_size=way.batch_size, workers=way.workers)
    return len(texts) / seconds


command = suite_command(
    "throughput", measure, "Time many texts of the lengths of sentences, on two cores or on a GPU.", on_gpu=True
)
