"""What a second core is best used for: two threads for one text, or two texts at once."""

from __future__ import annotations

from functools import partial

from benchmarks.contenders import FILLMASK, REFERENCE, TOP_K, precision_of
from benchmarks.harness.gate import open_gate
from benchmarks.harness.records import Row
from benchmarks.harness.rounds import Field, play
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import settled_by
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

_LENGTHS = (16, 128)
_ROUNDS = {"quick": 9, "full": 15}
_TEXTS = 8
_SEED = 0
_ONE, _TWO, _BOTH = "1 thread", "2 threads", "2 texts at once"
_THREADS = {_ONE: 1, _TWO: 2, _BOTH: 1}
_CONTENDERS = (FILLMASK, "optimum-int8", REFERENCE)
_AGAIN = f"{FILLMASK}, {_BOTH}-again"


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time each way at each length."""
    gate, rounds = open_gate(asked.folder, folders), asked.rounds or _ROUNDS[asked.profile]
    params = {"rounds": rounds, "seed": _SEED, "top_k": TOP_K, "tokens": _LENGTHS, "texts": _TEXTS}
    found = Found(params, gate=gate.reason)
    writer = Writer(folders.artifact, folders.manifest["mask_token"])
    entries = _entries([name for name in _CONTENDERS if name in asked.contenders and name not in gate.refused])
    with Field(folders, entries) as field:
        for tokens in _LENGTHS:
            block = partial(_speed, field, writer.write(tokens, _TEXTS))
            settled = settled_by(_AGAIN.removesuffix("-again"), _AGAIN)
            speeds = play(field, rounds, _SEED, label=f"{tokens} tokens", block=block, settled=settled)
            _add(found, field, entries, tokens, speeds)
    return found


def _entries(names: list[str]) -> dict[str, tuple[str, int]]:
    """One thread and two of each, and of fillmask two texts at once, twice."""
    found = {f"{name}, {way}": (name, _THREADS[way]) for name in names for way in (_ONE, _TWO)}
    if FILLMASK in names:
        found |= {f"{FILLMASK}, {_BOTH}": (FILLMASK, 1), _AGAIN: (FILLMASK, 1)}
    return found


def _add(
    found: Found, field: Field, entries: dict[str, tuple[str, int]], tokens: int, speeds: dict[str, list[float]]
) -> None:
    case = {"tokens": tokens}
    for name, each in speeds.items():
        settings = field.settings[name] | {"workers": _workers(name)}
        found.rows.append(Row(name, precision_of(entries[name][0]), case, "texts/s", each, settings))
    for name, why in field.failed.items():
        found.rows.append(Row(name, precision_of(entries[name][0]), case, "texts/s", [], failed=why))
    found.compare(case, speeds, _AGAIN)


def _speed(field: Field, texts: list[str], name: str) -> float | None:
    """Texts a second."""
    seconds = field.ask(name, "seconds", texts=texts, batch_size=1, workers=_workers(name))
    return None if seconds is None else len(texts) / seconds


def _workers(name: str) -> int:
    return 2 if _BOTH in name else 1


command = suite_command("threads", measure, "Use two cores for one text, or for two texts at once.")
