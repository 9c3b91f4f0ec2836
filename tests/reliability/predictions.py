"""Answers that must not depend on anything but the question: on time, threads, processes or company."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED
from fillmask.decoding import Prediction
from tests.reliability.load import texts
from tests.reliability.row import Row, Scale

Answer = list[list[Prediction]]
GOLDEN = Path(__file__).parents[1] / "golden"
ASKED = "The [MASK] near the river is older than the [MASK] behind it."
ELSEWHERE = """
import json, sys
from fillmask import FillMask
answer = FillMask(sys.argv[1], threads=1).predict(sys.argv[2])
print(json.dumps([[[each.token, each.score.hex()] for each in mask] for mask in answer]))
"""


@cache
def loaded(folder: Path, threads: int = 1) -> FillMask:
    return FillMask(folder, threads=threads)


def models() -> dict[str, Path]:
    """The embedded int8 model, and fp32 ones of each family of tokenizers."""
    return {"int8": EMBEDDED} | {f"fp32 {path.parent.name}": path for path in sorted(GOLDEN.glob("*/model"))}


def exact(answer: Answer) -> list[list[list[object]]]:
    """Tokens and scores to the last bit."""
    return [[[each.token, each.score.hex()] for each in mask] for mask in answer]


def difference(one: Answer, other: Answer) -> float:
    """The largest difference of scores; infinite where tokens change places whose scores differ by more than that."""
    worst = 0.0
    for ours, theirs in zip(one, other, strict=True):
        scores = {each.token: each.score for each in theirs}
        worst = max([worst, *(abs(each.score - scores[each.token]) for each in ours if each.token in scores)])
        for first, second in zip(ours, theirs, strict=True):
            if first.token != second.token and abs(first.score - second.score) > 1e-5:
                return float("inf")
    return worst


def determinism(scale: Scale) -> list[Row]:
    """Row 21: the same question has the same answer, to the last bit; with other threads to 1e-6."""
    repeats, changed, elsewhere, worst = scale.count(1000, 20), 0, 0, 0.0
    for folder in models().values():
        first = loaded(folder).predict(ASKED)
        changed += sum(exact(loaded(folder).predict(ASKED)) != exact(first) for _ in range(repeats))
        worst = max(worst, difference(first, loaded(folder, 2).predict(ASKED)))
        command = [sys.executable, "-c", ELSEWHERE, str(folder), ASKED]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        elsewhere += json.loads(done.stdout) != exact(first)
    figure = (f"{len(models())} models: {changed} of {repeats * len(models())} repeats differ in a bit, {elsewhere} "
              f"new processes do; one thread and two differ by {worst:.1e}")  # fmt: skip
    return [Row("answers", "the same question again, in a new process, with other threads",
                "same bits; threads ≤ 1e-6", figure, not changed + elsewhere and worst <= 1e-6)]  # fmt: skip


def company(scale: Scale) -> list[Row]:
    """Row 22: no text changes the scores of another that runs with it, nor does the padding it brings."""
    rows = []
    for name, folder in models().items():
        fill_mask = loaded(folder)
        if not fill_mask.batch_invariant:
            rows.append(Row("answers", f"texts in company, {name}", "≤ 1e-5", "the model refuses company", True))
            continue
        asked = texts(scale.count(200, 20), 3, min(40, fill_mask.max_length // 6))
        alone = [fill_mask.predict(text) for text in asked]
        found = [difference(one, other) for batch in crowds(fill_mask, asked) for one, other in zip(alone, batch)]  # noqa: B905 -- crowds end with company that nobody asks for
        figure = f"{len(found)} answers in company of 1 to 15: scores differ by {max(found):.1e} at most"
        test = f"{len(asked)} texts in company and with 1, 7 and 64 tokens of padding, {name}"
        rows.append(Row("answers", test, "≤ 1e-5, same order", figure, max(found) <= 1e-5))
    return rows


def crowds(fill_mask: FillMask, asked: list[str]) -> Iterator[Iterable[Answer]]:
    """The answers to the texts in batches of several sizes, and each beside a text that is so many tokens longer."""
    for size in (2, 4, 8, 16):
        yield fill_mask.predict_many(asked, batch_size=size)
    for more in (1, 7, 64):
        longer = [text + " the" * more for text in asked]
        pairs = zip(asked, longer, strict=True)
        yield [next(iter(fill_mask.predict_many(pair, batch_size=2, truncation="right"))) for pair in pairs]


MEASURES = (determinism, company)
