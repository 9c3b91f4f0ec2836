"""The floor: ONNX Runtime alone on fillmask's own graph, fed arrays that are ready. Nothing is faster on this graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contenders import Answer
from benchmarks.contenders.reading import Reader
from benchmarks.models.folders import ModelFolders
from fillmask.runtime.session import Session


class Contender:
    """The session inside fillmask.

    Args:
        folders: Of the model.
        threads: Of one run.
        precision: ``"fp32"`` or ``"int8"``.
    """

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        manifest = folders.manifest
        path = folders.artifact / manifest["variants"][precision]["file"]
        self._run: Any = Session(path, threads=threads)._session.run
        self._reader = Reader(folders.artifact, manifest["mask_token_id"])
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

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Answer]:
        """Run prepared texts one by one; the answer is the first token, without a score."""
        return [[(int(self._run(None, self._feeds[text])[0].argmax()), np.nan)] for text in texts]
