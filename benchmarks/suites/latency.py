"""The time of one text by its tokens, on one thread or on a GPU."""

from __future__ import annotations

import statistics
from dataclasses import replace
from functools import partial

from benchmarks.contenders import TOP_K
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED
from benchmarks.harness.suite import suite_command
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_ALL = (8, 16, 32, 64, 128, 256, 512)
_QUICK = Schedule(15, tokens=(32,), texts=16, calls=(3, 60), seconds=0.12)
_FULL = Schedule(21, tokens=_ALL, texts=16, calls=(3, 60), seconds=0.4)
_LARGE = replace(_FULL, rounds=15, tokens=(16, 128, 512), calls=(2, 60))
_FULL_OF = {"minilm": _FULL, "antiberty": replace(_FULL, tokens=(128,)), "bert-base": _LARGE, "xlmr-base": _LARGE}
_ON_GPU = replace(_FULL, rounds=15, tokens=(8, 32, 128, 512))
_THREADS = 1


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time calls of every contender at every length."""
    device = options.device
    full = _FULL_OF[options.model] if device.is_cpu else _ON_GPU
    schedule, threads = options.schedule({"quick": _QUICK, "full": full}, folders), _THREADS if device.is_cpu else 0
    params = schedule.params | {"seed": SEED, "threads": threads, "top_k": TOP_K}
    result, writer = SuiteResult(params, device), Writer.of(folders)
    with Workers(folders, dict.fromkeys(options.contenders, threads), device) as workers:
        for tokens in schedule.tokens:
            measure_length(result, workers, writer.write(tokens, schedule.texts), schedule, tokens)
    return result


def measure_length(result: SuiteResult, workers: Workers, texts: list[str], schedule: Schedule, tokens: int) -> None:
    """Time one length."""
    least, most = schedule.calls
    block = {"texts": texts, "least": least, "most": most, "seconds": schedule.seconds}
    blocks = {name: partial(workers.call, name, "calls", **block) for name in workers.loaded}
    result.run(
        {"tokens": tokens},
        "ms",
        blocks,
        control=(result.device.ours, result.device.again),
        value=statistics.median,
        settings=workers.settings,
        failed=workers.failed,
    )


command = suite_command("latency", measure, "Time one text by its tokens, on one thread or on a GPU.", on_gpu=True)
