"""The time from process start to the first prediction, of fresh processes that start in interleaved rounds.

The files are in the page cache, since every program ran once before. Contenders use their default number of threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from statistics import median

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from benchmarks.models.folders import ModelFolders

_SCHEDULES = {"quick": Schedule(5), "full": Schedule(31)}
_PROCESSES = 5  # of a round, for programs that start in a tenth of the time
_TEXT = "Paris is the {mask} of France."
_FILLMASK = "from fillmask import FillMask; print(FillMask({folder})({text!r})[0]['token_str'], flush=True)"
_TRANSFORMERS = (
    "from transformers import pipeline; "
    "print(pipeline('fill-mask', model={folder})({text!r})[0]['token_str'], flush=True)"
)
_IMPORTS = {"import fillmask": "import fillmask; print(1, flush=True)", "python": "print(1, flush=True)"}
_OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""A hub that cannot be reached would count against a program."""


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time fresh processes."""
    schedule = options.schedule(_SCHEDULES, folders)
    text = _TEXT.format(mask=folders.manifest["mask_token"])
    result = SuiteResult(schedule.params | {"seed": SEED, "text": text, "page_cache": "warm", "threads": "by default",
                         "processes": {REFERENCE: 1, "others": _PROCESSES},
                         "samples": "the median of each round"})  # fmt: skip
    predicting, control = programs(folders, text), (FILLMASK, AGAIN)
    blocks = {name: partial(_seconds, name, code) for name, code in (predicting | _IMPORTS).items()}
    rounds: Rounds[str, float] = run_rounds(blocks, schedule.rounds, "startup", controls=[control])
    settings = {name: {"code": code} for name, code in _IMPORTS.items()} | dict.fromkeys(predicting, _OFFLINE)
    for until, names in (("first answer", predicting), ("import", _IMPORTS)):
        result.add({"until": until}, "s", rounds.pick({name: name for name in names}), settings=settings)
    pairs = [(FILLMASK, REFERENCE)]
    result.compare({"until": "first answer"}, "s", rounds.samples, control=control, pairs=pairs)
    return result


def seconds_to_line(code: str, environment: Mapping[str, str] = _OFFLINE) -> float:
    """Start Python on a program and time it up to its first line; its end is waited for and not timed.

    Raises:
        ContenderError: It printed nothing.
    """
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=os.environ | environment) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            elapsed = time.perf_counter() - start
        if not line.strip():
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["nothing on stderr"]
            raise ContenderError(f"no line from {code!r}, which ended with {process.returncode}: {last[0]}")
    return elapsed


def programs(folders: ModelFolders, text: str) -> dict[str, str]:
    """By contender. minilm is the embedded model, which transformers reads as a checkpoint of its architecture."""
    ours = _FILLMASK.format(text=text, folder="" if folders.name == "minilm" else repr(str(folders.artifact)))
    theirs = _TRANSFORMERS.format(text=text, folder=repr(str(folders.checkpoint)))
    return {FILLMASK: ours, AGAIN: ours, REFERENCE: theirs}


def _seconds(name: str, code: str) -> float:
    """The median over the processes of a round."""
    return median(seconds_to_line(code) for _ in range(1 if name == REFERENCE else _PROCESSES))


command = suite_command("startup", measure, "Time fresh processes from their start to the first prediction.")
