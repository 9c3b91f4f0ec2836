"""transformers' fill-mask pipeline: over PyTorch, compiled or not, and over optimum's ORTModelForMaskedLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.contenders import TOP_K, Predictions
from benchmarks.device import CPU, Device
from benchmarks.models.folders import ModelFolders
from fillmask.environment import cpu_flags

_FILES = {"fp32": "model.onnx", "int8": "model_quantized.onnx"}


class Transformers:
    """PyTorch: attention by scaled_dot_product_attention, no gradients, fp16 on a GPU.

    Args:
        folders: Of the model.
        threads: Of PyTorch's products; 0 takes PyTorch's default.
        precision: ``"fp32"``, ``"bf16"`` where the CPU has it, or ``"fp16"``.
        device: Where it runs.

    Raises:
        RuntimeError: The CPU has no bf16.
    """

    def __init__(self, folders: ModelFolders, threads: int, precision: str, device: Device = CPU) -> None:
        import torch
        from transformers import AutoModelForMaskedLM

        if precision == "bf16" and not {"amx_bf16", "avx512_bf16"} & set(cpu_flags()):
            raise RuntimeError("this CPU has no bf16")
        if threads:
            torch.set_num_threads(threads)
        types = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
        options = {"attn_implementation": "sdpa", "dtype": types[precision]}
        model = AutoModelForMaskedLM.from_pretrained(folders.checkpoint, **options).eval()
        self._pipeline = _pipeline(model, folders.checkpoint, device.torch)
        self._no_gradients = torch.inference_mode
        # Nothing may be left on the GPU when the process is stopped.
        self._wait: Callable[[], object] = torch.cuda.synchronize if device.torch == "cuda" else lambda: None
        attention = model.config._attn_implementation
        self.settings = {"threads": threads, "attention": attention, "inference_mode": True, "precision": precision}
        if not device.is_cpu:
            self.settings |= {"device": device.torch, "torch": torch.__version__}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts; the pipeline has one worker."""
        with self._no_gradients():
            predictions = _predict(self._pipeline, texts, batch_size)
        self._wait()
        return predictions


class Compiled(Transformers):
    """PyTorch compiled by TorchInductor, which needs a C++ compiler; shapes are dynamic, so that it compiles once."""

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        super().__init__(folders, threads, precision)
        self._pipeline.model.compile(dynamic=True)
        self.settings |= {"compile": "dynamic"}


class Optimum:
    """optimum's fp32 export or its own dynamic int8; threads are ONNX Runtime's and PyTorch's."""

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        import onnxruntime as ort
        import torch
        from optimum.onnxruntime import ORTModelForMaskedLM

        torch.set_num_threads(threads)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        file = _FILES[precision]
        model = ORTModelForMaskedLM.from_pretrained(folders.optimum, file_name=file, session_options=options)
        self._pipeline = _pipeline(model, folders.optimum)
        self.settings = {"threads": threads, "file": file, "graph_optimization": "all", "precision": precision}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts; the pipeline has one worker."""
        return _predict(self._pipeline, texts, batch_size)


def _pipeline(model: object, tokenizer: Path, device: str = "cpu") -> Any:  # noqa: ANN401 -- transformers has no types
    from transformers import AutoTokenizer, pipeline

    read = AutoTokenizer.from_pretrained(str(tokenizer))
    return pipeline("fill-mask", model=model, tokenizer=read, top_k=TOP_K, device=device)


def _predict(pipeline: Any, texts: list[str], batch_size: int) -> list[Predictions]:  # noqa: ANN401
    """Predict the masks of texts one by one, or in batches of similar length."""
    if batch_size == 1:
        return [_predictions(pipeline(text)) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    results = pipeline([texts[index] for index in order], batch_size=batch_size)
    by_index = dict(zip(order, map(_predictions, results), strict=True))
    return [by_index[index] for index in range(len(texts))]


def _predictions(result: list[dict[str, Any]]) -> Predictions:
    return [(each["token"], each["score"]) for each in result]
