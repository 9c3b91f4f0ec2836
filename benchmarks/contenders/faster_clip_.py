"""faster-clip's FillMask, written in Rust for BERT base: int8 weights, float32 products."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.contenders import TOP_K, Predictions
from benchmarks.models.folders import ModelFolders, open_tokenizer


class Contender:
    """faster-clip; the environment of the process sets the threads of its pool."""

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        os.environ["FASTER_CLIP_CACHE"] = str(_cache(folders))
        import faster_clip

        self._fill_mask: Any = faster_clip.FillMask()
        self._ids: Any = open_tokenizer(folders.artifact).token_to_id
        self.settings = {"threads": threads, "precision": precision, "lang": "en"}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts one by one; it has no batches."""
        return [self._predictions(self._fill_mask.predict(text, lang="en", top_k=TOP_K)) for text in texts]

    def _predictions(self, predictions: list[dict[str, Any]]) -> Predictions:
        return [(self._id(each["token_str"]), each["score"]) for each in predictions]

    def _id(self, token: str) -> int:
        """Of a token as the pipeline prints it, which leaves out what marks the inside of a word."""
        whole, inner = self._ids(token), self._ids(f"##{token}")
        return int(next(found for found in (whole, inner, -1) if found is not None))


def _cache(folders: ModelFolders) -> Path:
    """A folder where it finds the model under the name of the one that it knows."""
    home = folders.checkpoint.parent / "faster-clip"
    model = home / "bert-base-uncased"
    model.mkdir(parents=True, exist_ok=True)
    open_tokenizer(folders.artifact).save(str(model / "tokenizer.json"))
    if not (model / "model.safetensors").exists():
        shutil.copy(folders.checkpoint / "model.safetensors", model)
    return home
