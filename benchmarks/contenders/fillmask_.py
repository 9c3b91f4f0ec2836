"""fillmask, fp32 or int8."""

from __future__ import annotations

import time

from benchmarks.contenders import TOP_K, Answer
from benchmarks.models.folders import ModelFolders
from fillmask import FillMask, InputError, Prediction
from fillmask.runtime.providers import CPU


class Contender:
    """fillmask.

    Args:
        folders: Of the model.
        threads: Of one run.
        precision: ``"fp32"`` or ``"int8"``.
    """

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        self._fill_mask = FillMask(folders.artifact, variant=precision, providers=[CPU], threads=threads)
        self.settings = {"threads": threads, "variant": precision}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Answer]:
        """Answer texts."""
        if batch_size == workers == 1:
            return [_answer(self._fill_mask.predict(text, top_k=TOP_K)) for text in texts]
        outcomes = self._fill_mask.predict_many(texts, top_k=TOP_K, batch_size=batch_size, workers=workers)
        return [_answer(outcome) for outcome in outcomes]

    def split(self, texts: list[str]) -> list[tuple[float, float, float]]:
        """Milliseconds of each text's three steps: to its rows, the run, and from the logits to its answer."""
        answerer, question = self._fill_mask.answerer, self._fill_mask.ask(TOP_K, None, None)
        times = []
        for text in texts:
            begun = time.perf_counter_ns()
            rows = answerer.encode(text, None)
            encoded = time.perf_counter_ns()
            ran = answerer.forward(rows)
            run = time.perf_counter_ns()
            answerer.decode(ran, question)
            done = time.perf_counter_ns()
            times.append(((encoded - begun) / 1e6, (run - encoded) / 1e6, (done - run) / 1e6))
        return times


def _answer(outcome: list[list[Prediction]] | InputError) -> Answer:
    if isinstance(outcome, InputError):
        raise outcome
    return [(each.token, each.score) for each in outcome[0]]
