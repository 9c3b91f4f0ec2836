"""Predictions depend on the text alone, not on time, threads, processes or the other texts of a batch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from fillmask import FillMask, Prediction
from fillmask.artifact.folder import EMBEDDED
from tests.reliability.load import texts
from tests.reliability.row import Row, Scale

Predictions = list[list[Prediction]]
"""One list per mask."""
GOLDEN = Path(__file__).parents[1] / "golden"
TEXT = "The [MASK] near the river is older than the [MASK] behind it."
PREDICT = """
import json, sys
from fillmask import FillMask
predictions = FillMask(sys.argv[1], threads=1).predict(sys.argv[2])
print(json.dumps([[[each.token, each.score.hex()] for each in mask] for mask in predictions]))
"""


@cache
def loaded(folder: Path, threads: int = 1) -> FillMask:
    return FillMask(folder, threads=threads)


def models() -> dict[str, Path]:
    """The embedded int8 model, and one fp32 model of each tokenizer family."""
    return {"int8": EMBEDDED} | {f"fp32 {path.parent.name}": path for path in sorted(GOLDEN.glob("*/model"))}


def exact(predictions: Predictions) -> list[list[list[object]]]:
    """Tokens and scores to the last bit."""
    return [[[each.token, each.score.hex()] for each in mask] for mask in predictions]


def difference(one: Predictions, other: Predictions) -> float:
    """The largest difference of scores; infinite where tokens whose scores differ by more than 1e-5 change places."""
    worst = 0.0
    for ours, theirs in zip(one, other, strict=True):
        scores = {each.token: each.score for each in theirs}
        worst = max([worst, *(abs(each.score - scores[each.token]) for each in ours if each.token in scores)])
        for first, second in zip(ours, theirs, strict=True):
            if first.token != second.token and abs(first.score - second.score) > 1e-5:
                return float("inf")
    return worst


def determinism(scale: Scale) -> list[Row]:
    """Row 21: the same text has the same predictions, to the last bit; with other threads to 1e-6."""
    repeats, changed, elsewhere, worst = scale.count(1000, 20), 0, 0, 0.0
    for folder in models().values():
        first = loaded(folder).predict(TEXT)
        changed += sum(exact(loaded(folder).predict(TEXT)) != exact(first) for _ in range(repeats))
        worst = max(worst, difference(first, loaded(folder, 2).predict(TEXT)))
        command = [sys.executable, "-c", PREDICT, str(folder), TEXT]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        elsewhere += json.loads(done.stdout) != exact(first)
    figure = (f"{len(models())} models: {changed} of {repeats * len(models())} repeats differ in a bit, {elsewhere} "
              f"new processes do; one thread and two differ by {worst:.1e}")  # fmt: skip
    return [Row("predictions", "the same text again, in a new process, with other threads",
                "same bits; threads ≤ 1e-6", figure, not changed + elsewhere and worst <= 1e-6)]  # fmt: skip


def batches(scale: Scale) -> list[Row]:
    """Row 22: neither the other texts of a batch nor their padding change a text's scores."""
    rows = []
    for name, folder in models().items():
        fill_mask = loaded(folder)
        if not fill_mask.batch_invariant:
            rows.append(Row("predictions", f"texts in batches, {name}", "≤ 1e-5", "the model refuses batches", True))
            continue
        some = texts(scale.count(200, 20), 3, min(40, fill_mask.max_length // 6))
        alone = [fill_mask.predict(text) for text in some]
        together = in_batches(fill_mask, some)
        found = [difference(one, other) for batch in together for one, other in zip(alone, batch, strict=True)]
        figure = f"{len(found)} predictions beside 1 to 15 other texts: scores differ by {max(found):.1e} at most"
        test = f"{len(some)} texts in batches and with 1, 7 and 64 tokens of padding, {name}"
        rows.append(Row("predictions", test, "≤ 1e-5, same order", figure, max(found) <= 1e-5))
    return rows


def in_batches(fill_mask: FillMask, some: list[str]) -> Iterator[Iterable[Predictions]]:
    """Predictions for the texts in batches of several sizes, and each beside a text 1, 7 or 64 tokens longer."""
    for size in (2, 4, 8, 16):
        yield fill_mask.predict_many(some, batch_size=size)
    for more in (1, 7, 64):
        pairs = [(text, text + " the" * more) for text in some]
        yield [next(iter(fill_mask.predict_many(pair, batch_size=2, truncation="right"))) for pair in pairs]


MEASURES = (determinism, batches)
