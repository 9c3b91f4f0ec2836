"""The floor: ONNX Runtime alone on fillmask's graph and prepared arrays. Nothing is faster on this graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contenders import Predictions
from benchmarks.contenders.instrumented import InstrumentedModel
from benchmarks.models.folders import ModelFolders


class Contender:
    """The session inside fillmask."""

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        self._model = InstrumentedModel(folders.artifact, precision, threads)
        self._runs: dict[str, Callable[[], Any]] = {}
        self.settings = {"threads": threads, "precision": precision, "arrays": "made before the clock starts"}

    def prepare(self, texts: list[str]) -> None:
        """Make the arrays of texts."""
        self._runs.update({text: self._model.bare_run(text) for text in texts if text not in self._runs})

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Run prepared texts one by one; gives the first token only, without a score."""
        return [[(int(self._runs[text]()[0].argmax()), np.nan)] for text in texts]
