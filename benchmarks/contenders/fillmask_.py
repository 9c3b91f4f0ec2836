"""fillmask in one of its variants."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from benchmarks.contenders import TOP_K, Predictions
from benchmarks.device import CPU, Device
from benchmarks.models.folders import ModelFolders
from fillmask import FillMask, InputError, Prediction
from fillmask.tasks.predict import predict, resolve


class Contender:
    """fillmask.

    Args:
        folders: Of the model.
        threads: Of one run; 0 takes fillmask's default.
        precision: The variant: ``"fp32"``, ``"int8"`` or ``"fp16"``.
        device: Where it runs.
        top_k: Tokens of a mask.
    """

    def __init__(
        self, folders: ModelFolders, threads: int, precision: str, device: Device = CPU, *, top_k: int = TOP_K
    ) -> None:
        self._fill_mask = open_fill_mask(folders, precision, threads, device)
        self._top_k = min(top_k, self._fill_mask.vocab_size)
        self.settings: dict[str, Any] = {"threads": self._fill_mask.threads, "variant": precision}
        if not device.is_cpu:
            self.settings |= {"providers": self._fill_mask.providers, "nodes": self._fill_mask.nodes}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts."""
        if batch_size == workers == 1:
            return [_predictions(self._fill_mask.predict(text, top_k=self._top_k)) for text in texts]
        results = self._fill_mask.predict_many(texts, top_k=self._top_k, batch_size=batch_size, workers=workers)
        return [_predictions(result) for result in results]

    def split(self, texts: list[str]) -> list[tuple[float, float, float]]:
        """Milliseconds of the three steps of each text's call: to its rows, the run, and from logits to predictions."""
        model = self._fill_mask.model
        parameters = resolve(model, top_k=self._top_k).value
        times = []
        for text in texts:
            start = time.perf_counter_ns()
            task = predict(model, text, parameters)
            reads = next(task)
            encoded = time.perf_counter_ns()
            logits = model.logits(reads)
            ran = time.perf_counter_ns()
            with suppress(StopIteration):
                task.send([read.reading(row) for read, row in zip(reads, logits, strict=True)])
            times.append(((encoded - start) / 1e6, (ran - encoded) / 1e6, (time.perf_counter_ns() - ran) / 1e6))
        return times


def open_fill_mask(folders: ModelFolders, variant: str, threads: int, device: Device = CPU) -> FillMask:
    """Load a variant of a model's artifact; ``threads`` of 0 takes fillmask's default."""
    return FillMask(folders.artifact, variant=variant, providers=[device.provider], threads=threads or None)


def _predictions(result: list[list[Prediction]] | InputError) -> Predictions:
    if isinstance(result, InputError):
        raise result
    return [(each.token, each.score) for each in result[0]]
