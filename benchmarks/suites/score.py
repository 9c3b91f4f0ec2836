"""Scores of whole texts on two cores: sentences beside minicons, the matrix of a protein beside a batched loop.

minicons and the loop run in their best batch size of those tried. Of the matrix each contender reads the first
``MATRIX_ROWS`` residues: all rows are alike, and the shorter a block, the less does the machine change within a round.
Without fillmask-fp32's log probabilities within 1e-4 of theirs there are no speeds.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import AGAIN, FILLMASK, REFERENCE
from benchmarks.contenders.scorers import MATRIX, MATRIX_ROWS, MeasuredScorer
from benchmarks.evaluation.texts import read_pairs
from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import SEED
from benchmarks.harness.suite import suite_command
from benchmarks.harness.workers import Workers
from benchmarks.models.folders import ModelFolders
from benchmarks.suites.throughput import best_batch_size

_CORES = 2
_FP32 = "fillmask-fp32"
_ROUNDS = {"quick": 3, "full": 5}
_SENTENCES, _RESIDUES = 48, 250
_WITHIN = 1e-4  # nats a token


class Case(NamedTuple):
    """What is scored.

    Attributes:
        method: Of ``MeasuredScorer.scores``.
        peers: fp32 first, which is the reference.
        batch_sizes: Of the peers, in texts or in rows of a matrix.
        texts: Sorted by length.
        unit: What is counted.
        total: How many are read.
    """

    method: str
    peers: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    texts: list[str]
    unit: str
    total: int


def measure(options: SuiteOptions, folders: ModelFolders) -> SuiteResult:
    """Time all contenders on the same sentences, or on one protein."""
    case = sentences() if folders.texts is None else protein(folders)
    result = SuiteResult({"rounds": options.rounds or _ROUNDS[options.profile], "seed": SEED, "cores": _CORES,
                          case.unit.partition("/")[0]: case.total, "batch_sizes": case.batch_sizes})  # fmt: skip
    names = [name for name in (*case.peers, _FP32, FILLMASK, AGAIN) if not options.only or name in options.only]
    with Workers(folders, dict.fromkeys(names, _CORES), kind=MeasuredScorer) as workers:
        measure_case(result, workers, case)
    return result


def measure_case(result: SuiteResult, workers: Workers, case: Case) -> None:
    """Compare the log probabilities, then time the contenders."""
    settings, blocks = {}, {}
    for name, difference in _check(result, workers, case).items():
        speed = partial(_speed, workers, case, name)
        own = best_batch_size(case.batch_sizes, speed) if name in case.peers else {}
        settings[name] = workers.settings[name] | own | difference
        blocks[name] = partial(speed, own.get("batch_size", 1))
    control = FILLMASK, AGAIN
    result.run({"method": case.method}, case.unit, blocks, control=control, settings=settings, failed=workers.failed)


def sentences() -> Case:
    """Of BLiMP's minimal pairs; the other methods read as many rows."""
    pairs = random.Random(SEED).sample(read_pairs(), _SENTENCES // 2)  # noqa: S311 -- no secret
    texts = sorted((text for pair in pairs for text in (pair.good, pair.bad)), key=len)
    peers = ("minicons", "minicons-bf16")
    return Case("word_l2r", peers, (1, 4, 16, 48), texts, "texts/s", len(texts))


def protein(folders: ModelFolders) -> Case:
    """Two chains of antibodies, joined and cut; the letters do not change times."""
    assert folders.texts is not None
    chains = folders.texts.read_text(encoding="utf-8").replace(" ", "").split("\n")
    text = " ".join("".join(chains[:4])[:_RESIDUES])
    peers = (REFERENCE, f"{REFERENCE}-bf16")
    return Case(MATRIX, peers, (4, 16, MATRIX_ROWS), [text], "residues/s", MATRIX_ROWS)


def _check(result: SuiteResult, workers: Workers, case: Case) -> dict[str, dict[str, Any]]:
    """By contender the mean difference of its log probabilities from those of the reference, where that is loaded."""
    reference = case.peers[0]
    if reference not in workers.loaded:
        return {name: {} for name in workers.loaded}
    theirs, found = _scores(workers, case, reference), {}
    for name in workers.loaded:
        differences = np.abs(_scores(workers, case, name) - theirs)
        found[name] = {"mean_difference": float(differences.mean())}
        if name == _FP32 and differences.max() > _WITHIN:
            result.gate = f"{name}'s log probabilities differ from {reference}'s by up to {differences.max():.1e}"
    return found


def _scores(workers: Workers, case: Case, name: str) -> NDArray[np.float64]:
    found = workers.call(name, "scores", texts=case.texts, method=case.method, batch_size=case.batch_sizes[1])
    return np.concatenate([np.array(each, dtype=np.float64) for each in found])


def _speed(workers: Workers, case: Case, name: str, batch_size: int) -> float:
    """Sentences or residues a second."""
    seconds = workers.call(name, "seconds", texts=case.texts, method=case.method, batch_size=batch_size)
    return case.total / float(seconds)


command = suite_command(
    "score",
    measure,
    "Time the scores of sentences, or the matrix of a protein, on two cores.",
    models=("minilm", "antiberty", "esm2-8m"),
)
