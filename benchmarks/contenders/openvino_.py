"""OpenVINO on optimum's fp32 export, or on NNCF's int8 of it.

One text has the latency hint; many have a stream for each worker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import TOP_K, Predictions
from benchmarks.models.folders import ModelFolders, open_tokenizer
from fillmask.scoring import softmax_at
from fillmask.selection import top_k

# What int8 leaves in float has OpenVINO's default: bf16 where the CPU has it.
_HINTS = {"fp32": {"INFERENCE_PRECISION_HINT": "f32"}, "bf16": {"INFERENCE_PRECISION_HINT": "bf16"}, "int8": {}}


class Contender:
    """OpenVINO; it takes ``"bf16"`` by default where the CPU has it."""

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        import openvino

        self._core: Any = openvino.Core()
        if precision == "bf16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeError("this CPU has no bf16")
        self._model = self._core.read_model(_file(folders, precision))
        self._names = {each.get_any_name() for each in self._model.inputs}
        self._settings = {"INFERENCE_NUM_THREADS": threads, **_HINTS[precision]}
        self._tokenizer, self._mask_token_id = open_tokenizer(folders.artifact), folders.manifest["mask_token_id"]
        self._one = self._compile(PERFORMANCE_HINT="LATENCY")
        self._queue: Any = None
        hints = {"PERFORMANCE_HINT": "LATENCY; with workers THROUGHPUT, a stream each"}
        self.settings = {"threads": threads, "precision": precision, **self._settings, **hints}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts one by one, several at the same time where there are workers."""
        if workers == 1:
            return [self._predict_one(text) for text in texts]
        self._queue = self._queue or self._open_queue(workers)
        by_index: dict[int, Predictions] = {}

        def keep(request: Any, place: tuple[int, int]) -> None:  # noqa: ANN401 -- openvino has no types
            by_index[place[0]] = _first(request.get_output_tensor(0).data, place[1])

        self._queue.set_callback(keep)
        for index, text in enumerate(texts):
            ids, place = self._read(text)
            self._queue.start_async(self._feeds(ids), (index, place))
        self._queue.wait_all()
        return [by_index[index] for index in range(len(texts))]

    def _predict_one(self, text: str) -> Predictions:
        ids, place = self._read(text)
        return _first(self._one(self._feeds(ids), share_inputs=True, share_outputs=True)[0], place)

    def _open_queue(self, workers: int) -> Any:  # noqa: ANN401 -- openvino has no types
        from openvino import AsyncInferQueue

        return AsyncInferQueue(self._compile(PERFORMANCE_HINT="THROUGHPUT", NUM_STREAMS=workers), workers)

    def _compile(self, **hints: object) -> Any:  # noqa: ANN401 -- openvino has no types
        return self._core.compile_model(self._model, "CPU", self._settings | hints)

    def _read(self, text: str) -> tuple[NDArray[np.int64], int]:
        """Input ids ``int64[1, s]`` of a text and the position of its mask."""
        ids = self._tokenizer.encode(text).ids
        return np.array([ids], dtype=np.int64), ids.index(self._mask_token_id)

    def _feeds(self, ids: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return {name: feeds[name] for name in self._names}


def _file(folders: ModelFolders, precision: str) -> Path:
    return folders.openvino / "model.xml" if precision == "int8" else folders.optimum / "model.onnx"


def _first(logits: NDArray[np.float32], place: int) -> Predictions:
    """The likeliest tokens of a run, by the engine's own functions; its logits ``float32[1, s, V]`` are OpenVINO's."""
    copied = np.array(logits[0, place], dtype=np.float32)
    ids = top_k(copied, TOP_K)
    return list(zip(ids.tolist(), softmax_at(copied, ids).tolist(), strict=True))
