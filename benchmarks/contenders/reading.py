"""Texts to arrays and logits to predictions, for contenders that have neither step, at the engine's speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import TOP_K, Predictions
from benchmarks.models.folders import open_tokenizer
from fillmask.scoring import softmax_at
from fillmask.selection import top_k


class Reader:
    """A tokenizer.

    Args:
        artifact: The model's folder.
        mask_token_id: As its manifest names it.
    """

    def __init__(self, artifact: Path, mask_token_id: int) -> None:
        self._tokenizer = open_tokenizer(artifact)
        self._mask_token_id = mask_token_id

    def read(self, text: str) -> tuple[NDArray[np.int64], int]:
        """Input ids ``int64[1, s]`` of a text and where its mask is."""
        ids = self._tokenizer.encode(text).ids
        return np.array([ids], dtype=np.int64), ids.index(self._mask_token_id)


def predictions(logits: NDArray[np.float32]) -> Predictions:
    """The five likeliest tokens of the logits ``float32[V]`` of one mask."""
    ids = top_k(logits, TOP_K)
    return list(zip(ids.tolist(), softmax_at(logits, ids).tolist(), strict=True))
