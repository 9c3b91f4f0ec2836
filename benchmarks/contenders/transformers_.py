"""transformers' pipeline on PyTorch: attention by scaled_dot_product_attention, no gradients."""

from __future__ import annotations

from benchmarks.contenders import Answer
from benchmarks.contenders.pipelines import Pipeline
from benchmarks.models.folders import ModelFolders


class Contender:
    """transformers.

    Args:
        folders: Of the model.
        threads: Of PyTorch's products.
        precision: ``"fp32"``.
    """

    def __init__(self, folders: ModelFolders, threads: int, precision: str) -> None:
        import torch
        from transformers import AutoModelForMaskedLM

        torch.set_num_threads(threads)
        model = AutoModelForMaskedLM.from_pretrained(folders.checkpoint, attn_implementation="sdpa").eval()
        self._pipeline = Pipeline(model, str(folders.checkpoint))
        self._quietly = torch.inference_mode
        attention = model.config._attn_implementation
        self.settings = {"threads": threads, "attention": attention, "inference_mode": True, "precision": precision}

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Answer]:
        """Answer texts; the pipeline has one worker."""
        with self._quietly():
            return self._pipeline.predict(texts, batch_size)
