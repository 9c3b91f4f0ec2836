"""Records that were never measured, for the tests of the pages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.contenders import names, precision_of
from benchmarks.harness.records import Comparison, Record, Row

SPEEDS = {
    "transformers": 25.0,
    "transformers-bf16": 24.0,
    "transformers-compile": 23.0,
    "optimum-fp32": 11.0,
    "optimum-int8": 6.1,
    "openvino-fp32": 9.0,
    "openvino-bf16": 7.0,
    "openvino-int8": 6.5,
    "fillmask-fp32": 7.6,
    "fillmask-int8": 3.2,
    "fillmask-int8-again": 3.2,
}
CONTEXT = {
    "date": "2026-01-02",
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "cpu_model": "An Invented CPU",
    "cores": 2,
    "os": "Linux",
    "python": "3.11.7",
    "packages": {"numpy": "2.0.0", "torch": "2.13.0"},
}
SUBJECT = {"checkpoint": "random weights", "sha256": "ab" * 32}
TOKENS = (8, 16, 32, 64, 128, 256, 512)


def calls(middle: float, *, rounds: int = 16, number: int = 50, seed: int = 0) -> list[list[float]]:
    """Rounds of calls about a middle."""
    drawn = np.random.default_rng(seed).lognormal(np.log(middle), 0.03, (rounds, number))
    return [[round(float(value), 4) for value in block] for block in drawn]


def compare(ours: str, theirs: str, case: dict, ratio: float, *, claim: str = "faster") -> Comparison:
    return Comparison(ours, theirs, case, ratio, ratio * 0.97, ratio * 1.03, 0.98, 1.02, claim)


def record(suite: str, model: str = "minilm", **changes) -> Record:
    """An empty record that is valid."""
    command = f"python -m benchmarks {suite} --model {model}"
    params = {"subject": SUBJECT, "title": f"{model}, so many parameters", "rounds": 16, "threads": 1, "top_k": 5}
    made = Record(
        suite, model, "full", command, "2026-01-02T03:04:05+00:00", CONTEXT, {}, params, [], [], [], valid=True
    )
    params |= changes.pop("params", {})
    return replace(made, **changes)


def accuracy(model: str = "minilm", **refused: str) -> Record:
    rows = []
    for number, name in enumerate(names()):
        if name.endswith("-again"):
            continue
        for measure, value in (("same first", 1 - number / 100), ("accuracy", 0.4 - number / 200)):
            rows.append(Row(name, precision_of(name), {"measure": measure}, "share", [value]))
    return record("accuracy", model, params={"masks": 1000, "trained": True, "refused": refused}, rows=rows)


def latency(model: str = "minilm", **changes) -> Record:
    rows, comparisons = [], []
    for tokens in TOKENS:
        case = {"tokens": tokens}
        for name, speed in SPEEDS.items():
            rows.append(Row(name, precision_of(name), case, "ms", calls(speed * (0.4 + tokens / 26) / 1.0)))
            if name not in ("fillmask-int8", "fillmask-int8-again"):
                comparisons.append(compare("fillmask-int8", name, case, speed / SPEEDS["fillmask-int8"]))
    return record("latency", model, **{"rows": rows, "comparisons": comparisons} | changes)


def throughput(model: str = "minilm") -> Record:
    rows = []
    for way, gain in (("one by one", 1.0), ("batches", 1.8)):
        for name, speed in SPEEDS.items():
            rounds = [block[0] for block in calls(2000 * gain / speed)]
            rows.append(Row(name, precision_of(name), {"way": way}, "texts/s", rounds))
    comparisons = [compare("fillmask-int8", "transformers", {"way": "batches"}, 13.0)]
    return record("throughput", model, rows=rows, comparisons=comparisons)


def startup() -> Record:
    rows = [Row("fillmask-int8", "int8", {"until": "first answer"}, "s", [0.2] * 31)]
    case = {"until": "first answer"}
    return record("startup", rows=rows, comparisons=[compare("fillmask-int8", "transformers", case, 14.5)])
