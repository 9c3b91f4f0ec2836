"""How long one text takes, by its tokens, on one thread; and where in fillmask the time goes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.contenders import AGAIN, FILLMASK, TOP_K, precision_of
from benchmarks.harness.gate import check_answers, failed_rows, open_gate
from benchmarks.harness.records import Row
from benchmarks.harness.rounds import Field, play, progress
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import narrow
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_LENGTHS = {
    "minilm": (8, 16, 32, 64, 128, 256, 512),
    "bert-base": (16, 128),
    "xlmr-base": (16, 128),
    "antiberty": (128,),
}
_QUICK_LENGTHS = (32,)
_THREADS = 1
_SEED = 0
_STEPS = ("encode", "run", "post")
_ASKED = 4  # texts of each length that every contender must agree on, and that are taken apart


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is measured.

    Attributes:
        rounds: That count.
        least: Calls of a block, at least.
        most: Calls of a block, at most.
        seconds: Of a block, unless ``most`` calls take less.
        texts: Different ones, by turns.
    """

    rounds: int
    least: int = 3
    most: int = 60
    seconds: float = 0.4
    texts: int = 16


_QUICK = Pace(15, seconds=0.12)
_FULL = Pace(21)
_LARGE = Pace(15, least=2)
_PACES = {"minilm": _FULL, "antiberty": _FULL, "bert-base": _LARGE, "xlmr-base": _LARGE}


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time calls of every contender at every length."""
    quick, gate = asked.profile == "quick", open_gate(asked.folder, folders)
    pace, lengths = (_QUICK, _QUICK_LENGTHS) if quick else (_PACES[asked.model], _LENGTHS[asked.model])
    rounds = asked.rounds or pace.rounds
    params = asdict(pace) | {"rounds": rounds, "seed": _SEED, "threads": _THREADS, "top_k": TOP_K, "tokens": lengths}
    found = Found(params, gate=gate.reason)
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    entries = {name: (name, _THREADS) for name in asked.contenders if name not in gate.refused}
    with Field(folders, entries) as field:
        for tokens in lengths:
            texts = writer.write(tokens, pace.texts)
            notes = check_answers(field, texts[:_ASKED])
            calls = _race(field, texts, pace, rounds)
            _add(found, field, {"tokens": tokens}, calls, notes)
            found.rows += failed_rows(gate, field, {"tokens": tokens}, "ms")
            found.rows += _split(field, texts[:_ASKED], rounds, tokens)
    return found


def _race(field: Field, texts: list[str], pace: Pace, rounds: int) -> dict[str, list[list[float]]]:
    block = {"texts": texts, "least": pace.least, "most": pace.most, "seconds": pace.seconds}
    label = f"latency, {len(texts[0].split())} words"
    return play(
        field, rounds, _SEED, label=label, block=lambda name: field.ask(name, "calls", **block), settled=_settled
    )


def _settled(calls: Mapping[str, Sequence[list[float]]]) -> bool:
    ours, twin = ([statistics.median(block) for block in calls.get(name, [])] for name in (FILLMASK, AGAIN))
    return narrow(ours, twin)


def _add(
    found: Found, field: Field, case: dict[str, int], calls: dict[str, list[list[float]]], notes: dict[str, str]
) -> None:
    for name, blocks in calls.items():
        row = Row(name, precision_of(name), case, "ms", blocks, field.settings[name], notes=notes.get(name, ""))
        found.rows.append(row)
    found.compare(case, {name: [1 / statistics.median(block) for block in blocks] for name, blocks in calls.items()})


def _split(field: Field, texts: list[str], rounds: int, tokens: int) -> list[Row]:
    """Rows of the steps of fillmask's calls, measured behind the race."""
    blocks = []
    with progress(range(rounds + 1), "its steps") as counted:
        for _ in counted:
            blocks.append(field.ask(FILLMASK, "split", texts=texts))
    if FILLMASK not in field.alive:
        return []
    made = []
    for index, step in enumerate(_STEPS):
        samples = [[call[index] for call in block] for block in blocks[1:]]
        case = {"tokens": tokens, "step": step}
        made.append(Row(FILLMASK, precision_of(FILLMASK), case, "ms", samples, field.settings[FILLMASK]))
    return made


command = suite_command("latency", measure, "Time one text by its tokens, on one thread.")
