"""fillmask in one of its variants."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import TOP_K, Predictions
from benchmarks.device import CPU, Device
from benchmarks.models.folders import ModelFolders
from fillmask import FillMask, InputError, Prediction


class Contender:
    """fillmask; its precision is the variant."""

    def __init__(
        self, folders: ModelFolders, threads: int, precision: str, device: Device = CPU, *, top_k: int = TOP_K
    ) -> None:
        self._fill_mask = FillMask(
            folders.artifact, variant=precision, providers=[device.provider], threads=threads or None
        )
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


def _predictions(result: list[list[Prediction]] | InputError) -> Predictions:
    if isinstance(result, InputError):
        raise result
    return [(each.token, each.score) for each in result[0]]
