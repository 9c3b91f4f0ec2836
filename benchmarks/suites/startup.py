"""How long it is from process start to the first answer, in fresh processes that start by turns in random order.

The files lie in the page cache, since every program ran once before. Both take the threads that they take by default.
"""

from __future__ import annotations

import math
from functools import partial
from statistics import median

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE, precision_of
from benchmarks.harness.records import Row
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import settled_by
from benchmarks.measures.comparing import compare
from benchmarks.measures.processes import NoAnswerError, seconds_to_line
from benchmarks.measures.turns import SEED, take_turns
from benchmarks.models.folders import ModelFolders

_ROUNDS = {"quick": 5, "full": 31}
_PROCESSES = 5  # of those a round that start in a tenth of the time
_TEXT = "Paris is the {mask} of France."
_EMBEDDED = "from fillmask import FillMask; print(FillMask()({text!r})[0]['token_str'], flush=True)"
_FOLDER = "from fillmask import FillMask; print(FillMask({folder!r})({text!r})[0]['token_str'], flush=True)"
_TRANSFORMERS = (
    "from transformers import pipeline; "
    "print(pipeline('fill-mask', model={folder!r})({text!r})[0]['token_str'], flush=True)"
)
_ANSWER, _IMPORT = "first answer", "import"
_IMPORTS = {"import fillmask": "import fillmask; print(1, flush=True)", "python": "print(1, flush=True)"}


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time fresh processes."""
    rounds = asked.rounds or _ROUNDS[asked.profile]
    text = _TEXT.format(mask=folders.manifest["mask_token"])
    found = Found({"rounds": rounds, "seed": SEED, "text": text, "page_cache": "warm", "threads": "by default",
                   "processes": {REFERENCE: 1, "others": _PROCESSES}, "samples": "the median of each round",
                   "ratio": "seconds over seconds"})  # fmt: skip
    programs = _programs(asked, folders, text)
    seconds, failed = _race(programs, rounds)
    for name in programs:
        found.rows.append(_row(name, seconds[name], failed.get(name)))
    compare(found, {"until": _ANSWER}, seconds, pairs=[(FILLMASK, REFERENCE)], again=(FILLMASK, AGAIN))
    return found


def _programs(asked: Asked, folders: ModelFolders, text: str) -> dict[str, str]:
    """By contender. minilm is the embedded model, which transformers reads as a checkpoint of its architecture."""
    ours = _EMBEDDED if asked.model == "minilm" else _FOLDER
    templates = {
        FILLMASK: (ours, folders.artifact),
        AGAIN: (ours, folders.artifact),
        REFERENCE: (_TRANSFORMERS, folders.checkpoint),
    }
    return {name: code.format(text=text, folder=str(folder)) for name, (code, folder) in templates.items()} | _IMPORTS


def _race(programs: dict[str, str], rounds: int) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Seconds of each program in each round, and why some have failed; those are not asked again."""
    failed: dict[str, str] = {}

    def block(name: str) -> float:
        try:
            processes = 0 if name in failed else 1 if name == REFERENCE else _PROCESSES
            return median([seconds_to_line(programs[name]) for _ in range(processes)] or [math.nan])
        except NoAnswerError as error:
            failed[name] = str(error)
        return math.nan

    seconds = take_turns(
        {name: partial(block, name) for name in programs}, rounds, "startup", settled_by(FILLMASK, AGAIN)
    )
    return {name: [] if name in failed else times for name, times in seconds.items()}, failed


def _row(name: str, seconds: list[float], failed: str | None) -> Row:
    if name in _IMPORTS:
        return Row(name, "", {"until": _IMPORT}, "s", seconds, {"code": _IMPORTS[name]}, failed)
    return Row(name, precision_of(name), {"until": _ANSWER}, "s", seconds, {"HF_HUB_OFFLINE": "1"}, failed)


command = suite_command("startup", measure, "Time fresh processes from their start to the first answer.")
