"""How many texts of the lengths of sentences per second, on two cores or on a GPU: one by one, and in batches.

One by one, fillmask and OpenVINO run a text on each core, the pipelines a text on both. In batches, texts of similar
length run together, in the batch size that is each contender's best of those tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from benchmarks.contenders import TOP_K
from benchmarks.harness.gate import check_predictions, open_gate
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
_CHECKED = 8
# These run a text on each core; the others all cores for each text.
_PARALLEL = ("fillmask", "openvino")
_WITHOUT_BATCHES = ("openvino", "faster-clip", "floor")


@dataclass(frozen=True, slots=True)
class Way:
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
    names = [name for name in options.contenders if name not in gate.refused and not name.startswith("floor")]
    threads = {name: 0 if not device.is_cpu else 1 if name.startswith("fillmask") else _CORES for name in names}
    with Workers(folders, threads, device) as workers:
        notes, wrong = check_predictions(workers, workers.loaded, texts[:_CHECKED], device)
        failed = gate.refused | workers.failed | wrong
        parallel = _PARALLEL if device.is_cpu else ()
        alone = {name: Way(1, _CORES if name.startswith(parallel) else 1, notes.get(name, ""))
                 for name in workers.loaded if name not in failed}  # fmt: skip
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
    """Each contender's best batch size; a contender without batches runs as before, and the control as its double."""
    ours, again = result.device.ours, result.device.again
    ways = {name: way for name, way in alone.items() if name.startswith(_WITHOUT_BATCHES)}
    with progress([name for name in alone if name not in ways and name != again], "batch sizes") as names:
        for name in names:
            tried = {size: _try(workers, name, texts, replace(alone[name], batch_size=size))
                     for size in result.params["batch_sizes"]}  # fmt: skip
            best = max(tried, key=tried.__getitem__)
            speeds = "; ".join(f"{size}: {speed:.0f}/s" for size, speed in tried.items())
            ways[name] = replace(alone[name], batch_size=best, notes=f"batch sizes tried: {speeds}")
    return ways | ({again: ways[ours]} if again in alone and ours in ways else {})


def _try(workers: Workers, name: str, texts: list[str], way: Way) -> float:
    """The best texts per second of a batch size; 0 where it fails, as a batch does that exceeds the memory."""
    try:
        return max(_speed(workers, name, texts, way) for _ in range(_TRIALS))
    except ContenderError:
        return 0.0


def _speed(workers: Workers, name: str, texts: list[str], way: Way) -> float:
    return workers.texts_per_second(name, texts, batch_size=way.batch_size, workers=way.workers)


command = suite_command(
    "throughput", measure, "Time many texts of the lengths of sentences, on two cores or on a GPU.", on_gpu=True
)
