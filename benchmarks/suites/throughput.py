"""How many texts of the lengths of sentences a second on two cores: one by one, and in each contender's batches.

One by one, fillmask and OpenVINO run a text on each core, the pipelines a text on both. In batches, texts of like
length run together, in the batch size that is each contender's best of those tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.contenders import AGAIN, FILLMASK, TOP_K, precision_of
from benchmarks.harness.gate import check_answers, failed_rows, open_gate
from benchmarks.harness.records import Row
from benchmarks.harness.rounds import Field, play, progress
from benchmarks.harness.suite import Asked, Found, suite_command
from benchmarks.harness.validity import settled_by
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer, lengths

_CORES = 2
_SEED = 0
_ROUNDS = {"quick": 9, "full": 15}
_TEXTS = {"minilm": 96, "bert-base": 24, "xlmr-base": 16, "antiberty": 32}
_BATCH_SIZES = (4, 8, 16, 32)
_TRIALS = 2  # of each batch size; the faster of them counts
_ASKED = 8
# These run a text on each core; the others all cores for each text.
_WORKERS = ("fillmask", "openvino")
_WITHOUT_BATCHES = ("openvino", "faster-clip", "floor")


@dataclass(frozen=True, slots=True)
class Way:
    """How a contender answers many texts."""

    batch_size: int
    workers: int
    notes: str = ""


def measure(asked: Asked, folders: ModelFolders) -> Found:
    """Time all contenders on the same texts."""
    gate, rounds = open_gate(asked.folder, folders), asked.rounds or _ROUNDS[asked.profile]
    texts = Writer(folders.artifact, folders.manifest["mask_token"]).mix(_TEXTS[asked.model], _SEED)
    tokens = lengths(len(texts), _SEED)
    params = {"rounds": rounds, "seed": _SEED, "cores": _CORES, "top_k": TOP_K, "texts": len(texts), "tokens": tokens}
    found = Found(params | {"batch_sizes": _BATCH_SIZES}, gate=gate.reason)
    names = [name for name in asked.contenders if name not in gate.refused and not name.startswith("floor")]
    with Field(folders, {name: (name, _threads(name)) for name in names}) as field:
        notes = check_answers(field, texts[:_ASKED])
        alone = {name: Way(1, _workers(name), notes.get(name, "")) for name in field.alive}
        for title, ways in (("one by one", alone), ("batches", _best(field, texts, alone))):
            _race(found, field, texts, title, ways)
            found.rows += failed_rows(gate, field, {"way": title}, "texts/s")
    return found


def _race(found: Found, field: Field, texts: list[str], title: str, ways: dict[str, Way]) -> None:
    rounds, case = found.params["rounds"], {"way": title}

    def block(name: str) -> float | None:
        return _speed(field, name, texts, ways[name]) if name in ways else None

    speeds = play(field, rounds, _SEED, label=title, block=block, settled=settled_by(FILLMASK, AGAIN))
    speeds = {name: each for name, each in speeds.items() if each}
    for name, each in speeds.items():
        way = ways[name]
        settings = field.settings[name] | {"batch_size": way.batch_size, "workers": way.workers}
        found.rows.append(Row(name, precision_of(name), case, "texts/s", each, settings, notes=way.notes))
    found.compare(case, speeds)


def _best(field: Field, texts: list[str], alone: dict[str, Way]) -> dict[str, Way]:
    """Each contender's best batch size; those without batches go on as they are."""
    ways = {name: way for name, way in alone.items() if name.startswith(_WITHOUT_BATCHES)}
    with progress([name for name in field.alive if name not in ways and name != AGAIN], "batch sizes") as names:
        for name in names:
            tried = {size: _try(field, name, texts, replace(alone[name], batch_size=size)) for size in _BATCH_SIZES}
            size = max(tried, key=tried.__getitem__)
            said = "; ".join(f"{size}: {speed:.0f}/s" for size, speed in tried.items())
            ways[name] = replace(alone[name], batch_size=size, notes=f"batch sizes tried: {said}")
    return ways | ({AGAIN: ways[FILLMASK]} if AGAIN in alone and FILLMASK in ways else {})


def _try(field: Field, name: str, texts: list[str], way: Way) -> float:
    return max((_speed(field, name, texts, way) or 0.0) for _ in range(_TRIALS))


def _speed(field: Field, name: str, texts: list[str], way: Way) -> float | None:
    """Texts a second."""
    seconds = field.ask(name, "seconds", texts=texts, batch_size=way.batch_size, workers=way.workers)
    return None if seconds is None else len(texts) / seconds


def _threads(name: str) -> int:
    return 1 if name.startswith("fillmask") else _CORES


def _workers(name: str) -> int:
    return _CORES if name.startswith(_WORKERS) else 1


command = suite_command("throughput", measure, "Answer many texts of the lengths that sentences have, on two cores.")
