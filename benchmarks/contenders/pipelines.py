"""transformers' fill-mask pipeline, over PyTorch or over what stands in for it."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders import TOP_K, Answer


class Pipeline:
    """A pipeline.

    Args:
        model: A masked LM.
        tokenizer: Its folder.
    """

    def __init__(self, model: object, tokenizer: str) -> None:
        from transformers import AutoTokenizer, pipeline

        read = AutoTokenizer.from_pretrained(tokenizer)
        self._pipeline: Any = pipeline("fill-mask", model=model, tokenizer=read, top_k=TOP_K, device="cpu")

    def predict(self, texts: list[str], batch_size: int = 1) -> list[Answer]:
        """Answer texts one at a time, or in batches of like length."""
        if batch_size == 1:
            return [_answer(self._pipeline(text)) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        answers = self._pipeline([texts[index] for index in order], batch_size=batch_size)
        found = dict(zip(order, map(_answer, answers), strict=True))
        return [found[index] for index in range(len(texts))]


def _answer(predictions: list[dict[str, Any]]) -> Answer:
    return [(each["token"], each["score"]) for each in predictions]
