"""fillmask and transformers on a GPU, or on the CPU to try out what measures them.

A call returns when its answer lies in the CPU's memory, so that a process that is stopped has nothing left on the GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.contenders import TOP_K, Answer
from benchmarks.contenders.pipelines import Pipeline
from benchmarks.models.folders import ModelFolders
from fillmask import FillMask, InputError, Prediction
from fillmask.runtime.providers import Provider

OURS, AGAIN, FP32, REFERENCE = "fillmask-fp16", "fillmask-fp16-again", "fillmask-fp32", "transformers"
ON_CPU, PEAK = "fillmask-fp32-cpu", "peak"
RACERS = (OURS, AGAIN, FP32, REFERENCE)
LOOKED_AMONG = 50
"""Tokens of fp32 on the CPU among which those of the others are looked for."""
_CPU = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True)
class Device:
    """Where contenders run.

    Attributes:
        provider: ONNX Runtime's; all but the CPU's stand for a GPU that PyTorch calls ``cuda``.
        device_id: Of the GPU.
    """

    provider: str
    device_id: int = 0

    @property
    def is_gpu(self) -> bool:
        """Whether it is one."""
        return self.provider != _CPU

    @property
    def providers(self) -> list[Provider]:
        """For ``FillMask``."""
        return [(self.provider, {"device_id": self.device_id})] if self.is_gpu else [_CPU]

    @property
    def torch(self) -> str:
        """PyTorch's name of it."""
        return f"cuda:{self.device_id}" if self.is_gpu else "cpu"

    @property
    def torch_precision(self) -> str:
        """What PyTorch computes in: half precision is no way to be fast on a CPU."""
        return "fp16" if self.is_gpu else "fp32"

    def precision_of(self, name: str) -> str:
        """What a contender computes in."""
        return self.torch_precision if name in (REFERENCE, PEAK) else name.split("-")[1]


def dtype_of(device: Device) -> Any:  # noqa: ANN401 -- torch is imported where it is needed
    """PyTorch's name of ``Device.torch_precision``."""
    import torch

    return torch.float16 if device.is_gpu else torch.float32


def open_on(name: str, folders: ModelFolders, device: Device) -> FillMaskOn | TransformersOn:
    """Load a contender: one of ``RACERS``, or ``ON_CPU``."""
    if name == REFERENCE:
        return TransformersOn(folders, device)
    if name == ON_CPU:
        return FillMaskOn(folders, "fp32", Device(_CPU), LOOKED_AMONG)
    return FillMaskOn(folders, device.precision_of(name), device)


class FillMaskOn:
    """fillmask.

    Args:
        folders: Of the model.
        variant: ``"fp16"`` or ``"fp32"``.
        device: Where it runs.
        top_k: Tokens of an answer.
    """

    def __init__(self, folders: ModelFolders, variant: str, device: Device, top_k: int = TOP_K) -> None:
        import onnxruntime as ort

        self._fill_mask = FillMask(folders.artifact, variant=variant, providers=device.providers)
        self._top_k = min(top_k, self._fill_mask.vocab_size)
        self.settings = {
            "variant": variant,
            "providers": self._fill_mask.providers,
            "nodes": self._fill_mask.nodes,
            "threads": self._fill_mask.threads,
            "onnxruntime": ort.__version__,
        }

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Answer]:
        """Answer texts."""
        if batch_size == workers == 1:
            return [_answer(self._fill_mask.predict(text, top_k=self._top_k)) for text in texts]
        outcomes = self._fill_mask.predict_many(texts, top_k=self._top_k, batch_size=batch_size, workers=workers)
        return [_answer(outcome) for outcome in outcomes]

    def prepare_run(self, texts: list[str]) -> Callable[[], object]:
        """One run of the model on all texts, which are tokenized here."""
        answerer = self._fill_mask.answerer
        rows = [row for text in texts for row in answerer.encode(text, None)]
        return lambda: answerer.forward(rows)


class TransformersOn:
    """transformers' pipeline: attention by SDPA, no gradients, half precision on a GPU.

    Args:
        folders: Of the model.
        device: Where it runs.
    """

    def __init__(self, folders: ModelFolders, device: Device) -> None:
        import torch
        from transformers import AutoModelForMaskedLM

        options = {"attn_implementation": "sdpa", "dtype": dtype_of(device)}
        model = AutoModelForMaskedLM.from_pretrained(folders.checkpoint, **options).eval()
        self._pipeline = _PipelineOn(model, str(folders.checkpoint), device.torch)
        self._quietly, self._is_gpu = torch.inference_mode, device.is_gpu
        self._wait = partial(torch.cuda.synchronize, device.torch)
        self.settings = {
            "precision": device.torch_precision,
            "attention": model.config._attn_implementation,
            "inference_mode": True,
            "device": device.torch,
            "torch": torch.__version__,
        }

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Answer]:
        """Answer texts; the pipeline has one worker."""
        with self._quietly():
            answers = self._pipeline.predict(texts, batch_size)
        if self._is_gpu:
            self._wait()
        return answers


class _PipelineOn(Pipeline):
    """A pipeline on a device of PyTorch's."""

    def __init__(self, model: object, tokenizer: str, device: str) -> None:
        from transformers import AutoTokenizer, pipeline

        read = AutoTokenizer.from_pretrained(tokenizer)
        self._pipeline = pipeline("fill-mask", model=model, tokenizer=read, top_k=TOP_K, device=device)


def _answer(outcome: list[list[Prediction]] | InputError) -> Answer:
    if isinstance(outcome, InputError):
        raise outcome
    return [(each.token, each.score) for each in outcome[0]]
