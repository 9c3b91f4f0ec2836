"""The time from process start to the first prediction, of fresh processes that start in interleaved rounds.

The files are in the page cache, since every program ran once before. Contenders use their default number of threads.
"""

from __future__ import annotations

from functools import partial
from statistics import median

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE
from benchmarks.harness.options import Schedule, SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED, Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.measures.processes import seconds_to_line
from benchmarks.models.folders import ModelFolders

_SCHEDULES = {"quick": Schedule(5), "full": Schedule(31)}
_PROCESSES = 5  # of a round, for programs that start in a tenth of the time
_TEXT = "Paris is the {mask} of France."
_EMBEDDED = "from fillmask import FillMask; print(FillMask()({text!r})[0]['token_str'], flush=True)"
_FOLDER = "from fillmask import FillMask; print(FillMask({folder!r})({text!r})[0]['token_str'], flush=True)"
_TRANSFORMERS = (
    "from transformers import pipeline; "
    "print(pipeline('fill-mask', model={folder!r})({text!r})[0]['token_str'], flush=True)"
)
_IMPORTS = {"import fillmask": "import fillmask; print(1, flush=True)", "python": "print(1, flush=True)"}


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time fresh processes."""
    schedule = options.schedule(_SCHEDULES)
    text = _TEXT.format(mask=folders.manifest["mask_token"])
    result = SuiteResult(schedule.params | {"seed": SEED, "text": text, "page_cache": "warm", "threads": "by default",
                         "processes": {REFERENCE: 1, "others": _PROCESSES},
                         "samples": "the median of each round"})  # fmt: skip
    programs = _programs(options, folders, text)
    rounds: Rounds[str, float] = run_rounds(
        {name: partial(_seconds, name, code) for name, code in programs.items()},
        schedule.rounds,
        "startup",
        controls=[(FILLMASK, AGAIN)],
    )
    first, names, pairs = {"until": "first answer"}, programs.keys() - _IMPORTS.keys(), [(FILLMASK, REFERENCE)]
    codes = {name: {"code": code} for name, code in _IMPORTS.items()}
    settings = codes | {name: {"HF_HUB_OFFLINE": "1"} for name in names}
    result.add(first, "s", rounds.pick({name: name for name in programs if name in names}), settings=settings)
    result.add({"until": "import"}, "s", rounds.pick({name: name for name in codes}), settings=settings)
    result.compare(first, "s", rounds.samples, control=(FILLMASK, AGAIN), pairs=pairs)
    return result


def _programs(options: SuiteOptions, folders: ModelFolders, text: str) -> dict[str, str]:
    """By contender. minilm is the embedded model, which transformers reads as a checkpoint of its architecture."""
    ours = _EMBEDDED if options.model == "minilm" else _FOLDER
    templates = {
        FILLMASK: (ours, folders.artifact),
        AGAIN: (ours, folders.artifact),
        REFERENCE: (_TRANSFORMERS, folders.checkpoint),
    }
    return {name: code.format(text=text, folder=str(folder)) for name, (code, folder) in templates.items()} | _IMPORTS


def _seconds(name: str, code: str) -> float:
    """The median over the processes of a round."""
    return median(seconds_to_line(code) for _ in range(1 if name == REFERENCE else _PROCESSES))


command = suite_command("startup", measure, "Time fresh processes from their start to the first prediction.")
