"""optimum's ORTModelForMaskedLM in transformers' pipeline, fp32 or its own dynamic int8."""

from __future__ import annotations

from benchmarks.contenders import Predictions
from benchmarks.contenders.pipelines import Pipeline
from benchmarks.models.folders import ModelFolders

_FILES = {"fp32": "model.onnx", "int8": "model_quantized.onnx"}


class Contender:
    """optimum; threads are ONNX Runtime's and PyTorch's."""

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        import onnxruntime as ort
        import torch
        from optimum.onnxruntime import ORTModelForMaskedLM

        torch.set_num_threads(threads)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        file = _FILES[precision]
        model = ORTModelForMaskedLM.from_pretrained(folders.optimum, file_name=file, session_options=options)
        self._pipeline = Pipeline(model, str(folders.optimum))
        self.settings = {"threads": threads, "file": file, "graph_optimization": "all", "precision": precision}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts; the pipeline has one worker."""
        return self._pipeline.predict(texts, batch_size)
