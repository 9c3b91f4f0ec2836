"""transformers' fill-mask pipeline, over PyTorch or over a runtime in its place."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import TOP_K, Predictions


class Pipeline:
    """A pipeline.

    Args:
        model: A masked LM.
        tokenizer: Its folder.
        device: PyTorch's name of the device.
    """

    def __init__(self, model: object, tokenizer: str, device: str = "cpu") -> None:
        from transformers import AutoTokenizer, pipeline

        read = AutoTokenizer.from_pretrained(tokenizer)
        self._pipeline: Any = pipeline("fill-mask", model=model, tokenizer=read, top_k=TOP_K, device=device)

    def predict(self, texts: list[str], batch_size: int = 1) -> list[Predictions]:
        """Predict the masks of texts one by one, or in batches of similar length."""
        if batch_size == 1:
            return [_predictions(self._pipeline(text)) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        results = self._pipeline([texts[index] for index in order], batch_size=batch_size)
        by_index = dict(zip(order, map(_predictions, results), strict=True))
        return [by_index[index] for index in range(len(texts))]


def _predictions(result: list[dict[str, Any]]) -> Predictions:
    return [(each["token"], each["score"]) for each in result]
