"""The floor: ONNX Runtime alone on fillmask's graph and prepared arrays. Nothing is faster on this graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contenders import Predictions
from benchmarks.contenders.instrumented import InstrumentedModel
from benchmarks.contenders.reading import Reader
from benchmarks.models.folders import ModelFolders


class Contender:
    """The session inside fillmask.

    Args:
        folders: Of the model.
        threads: Of one run.
        precision: ``"fp32"`` or ``"int8"``.
    """

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        self._run: Any = InstrumentedModel(folders.artifact, precision, threads).session.run
        self._reader = Reader(folders.artifact, folders.manifest["mask_token_id"])
        self._feeds: dict[str, dict[str, Any]] = {}
        self.settings = {"threads": threads, "precision": precision, "arrays": "made before the clock starts"}

    def prepare(self, texts: list[str]) -> None:
        """Make the arrays of texts."""
        for text in texts:
            ids, place = self._reader.read(text)
            self._feeds[text] = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "mask_positions": np.array([[place]]),
            }

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Run prepared texts one by one; gives the first token only, without a score."""
        return [[(int(self._run(None, self._feeds[text])[0].argmax()), np.nan)] for text in texts]
