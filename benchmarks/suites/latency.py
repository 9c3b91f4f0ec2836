"""The time of one text by its tokens, on one thread or on a GPU."""

from __future__ import annotations

import statistics
from dataclasses import replace
from functools import partial

from benchmarks.contenders import TOP_K
from benchmarks.harness.gate import check_predictions, open_gate
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_ALL = (8, 16, 32, 64, 128, 256, 512)
_QUICK = Schedule(15, tokens=(32,), texts=16, calls=(3, 60), seconds=0.12)
_FULL = Schedule(21, tokens=_ALL, texts=16, calls=(3, 60), seconds=0.4)
_LARGE = replace(_FULL, rounds=15, tokens=(16, 128), calls=(2, 60))
_FULL_OF = {"minilm": _FULL, "antiberty": replace(_FULL, tokens=(128,)), "bert-base": _LARGE, "xlmr-base": _LARGE}
_ON_GPU = replace(_FULL, rounds=15, tokens=(8, 32, 128, 512))
_THREADS = 1
_CHECKED = 4  # texts of each length on which predictions are compared


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time calls of every contender at every length."""
    device, gate = options.device, open_gate(options.folder, folders, options.device)
    full = _FULL_OF[options.model] if device.is_cpu else _ON_GPU
    schedule, threads = options.schedule({"quick": _QUICK, "full": full}, folders), _THREADS if device.is_cpu else 0
    params = schedule.params | {"seed": SEED, "threads": threads, "top_k": TOP_K}
    result = SuiteResult(params, device, gate=gate.reason)
    writer = Writer.of(folders)
    names = [name for name in options.contenders if name not in gate.refused]
    with Workers(folders, dict.fromkeys(names, threads), device) as workers:
        refused = gate.refused | workers.failed
        for length in schedule.tokens:
            texts = writer.write(length, schedule.texts)
            _measure_length(result, workers, texts, schedule, tokens=length, refused=refused)
    return result


def _measure_length(
    result: SuiteResult,
    workers: Workers,
    texts: list[str],
    schedule: Schedule,
    *,
    tokens: int,
    refused: dict[str, str],
) -> None:
    """Time one length. Contenders whose predictions are wrong join those that are refused at the next lengths too."""
    case, device = {"tokens": tokens}, result.device
    names = [name for name in workers.loaded if name not in refused]
    notes, wrong = check_predictions(workers, names, texts[:_CHECKED], device)
    refused |= wrong
    least, most = schedule.calls
    block = {"texts": texts, "least": least, "most": most, "seconds": schedule.seconds}
    rounds: Rounds[str, list[float]] = run_rounds(
        {name: partial(workers.call, name, "calls", **block) for name in names if name not in refused},
        schedule.rounds,
        f"latency, {tokens} tokens",
        controls=[(device.ours, device.again)],
        value=statistics.median,
    )
    rounds.failed.update(refused)
    result.add(case, "ms", rounds, settings=workers.settings, notes=notes)
    result.compare(case, "ms", rounds.map(statistics.median).samples, control=(device.ours, device.again))


command = suite_command("latency", measure, "Time one text by its tokens, on one thread or on a GPU.", on_gpu=True)
