"""transformers' pipeline on PyTorch: attention by scaled_dot_product_attention, no gradients, fp16 on a GPU."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.contenders import Predictions
from benchmarks.contenders.pipelines import Pipeline
from benchmarks.device import CPU, Device
from benchmarks.models.folders import ModelFolders


class Contender:
    """transformers.

    Args:
        folders: Of the model.
        threads: Of PyTorch's products; 0 takes PyTorch's default.
        precision: ``"fp32"`` or ``"fp16"``.
        device: Where it runs.
    """

    def __init__(self, folders: ModelFolders, threads: int, precision: str, device: Device = CPU) -> None:
        import torch
        from transformers import AutoModelForMaskedLM

        if threads:
            torch.set_num_threads(threads)
        options = {"attn_implementation": "sdpa", "dtype": {"fp32": torch.float32, "fp16": torch.float16}[precision]}
        model = AutoModelForMaskedLM.from_pretrained(folders.checkpoint, **options).eval()
        self._pipeline = Pipeline(model, str(folders.checkpoint), device.torch)
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
            predictions = self._pipeline.predict(texts, batch_size)
        self._wait()
        return predictions
