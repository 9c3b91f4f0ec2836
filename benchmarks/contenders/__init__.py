"""The contenders, one adapter each, with the best settings that its documentation names.

An adapter takes the model's folders, the threads of one run, and the precision of its products. It is loaded completely
when it is made, and predicts the five likeliest tokens of texts with one mask each.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from benchmarks.device import CPU, Device
from benchmarks.models.folders import ModelFolders

TOP_K = 5
TOP_K_OF_REFERENCE = 50
"""Of the reference on a GPU: tokens among which the predictions of the others are looked up."""
Predictions = list[tuple[int, float]]
"""Token ids with their scores, best first."""


class Contender(Protocol):
    """A program that predicts masked tokens. Its settings are for the record."""

    settings: dict[str, Any]

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Predictions]:
        """Predict the masks of texts with one mask each.

        Args:
            texts: Any number.
            batch_size: Texts of one run; adapters group texts of similar length.
            workers: Runs at the same time, where a contender can.
        """
        ...


FILLMASK, AGAIN, REFERENCE = CPU.ours, CPU.again, "transformers"
FP32_ON_CPU = "fillmask-fp32-cpu"
"""The reference on a GPU."""
_FILLMASK = "fillmask_:Contender"
# By name the adapter and the precision of its products.
_ADAPTERS = {
    REFERENCE: ("pipelines:Transformers", "fp32"),
    "transformers-bf16": ("pipelines:Transformers", "bf16"),
    "transformers-compile": ("pipelines:Compiled", "fp32"),
    "optimum-fp32": ("pipelines:Optimum", "fp32"),
    "optimum-int8": ("pipelines:Optimum", "int8"),
    "openvino-fp32": ("openvino_:Contender", "fp32"),
    "openvino-bf16": ("openvino_:Contender", "bf16"),
    "openvino-int8": ("openvino_:Contender", "int8"),
    "fillmask-fp32": (_FILLMASK, "fp32"),
    FILLMASK: (_FILLMASK, "int8"),
    AGAIN: (_FILLMASK, "int8"),
}


def names(device: Device = CPU) -> list[str]:
    """The contenders that run on a device."""
    return list(_ADAPTERS) if device.is_cpu else [REFERENCE, "fillmask-fp32", device.ours, device.again]


def precision_of(name: str, device: Device = CPU) -> str:
    """Of a contender's products."""
    contender = name.removesuffix("-again").removesuffix("-cpu")
    if contender == REFERENCE:
        return device.torch_precision
    return _ADAPTERS[contender][1] if contender in _ADAPTERS else contender.partition("-")[2] or "fp32"


def open_contender(name: str, folders: ModelFolders, threads: int, device: Device = CPU) -> Contender:
    """Load a contender; 0 threads are its default."""
    place: dict[str, Any] = {} if device.is_cpu else {"device": device}
    if name == FP32_ON_CPU:
        place = {"top_k": TOP_K_OF_REFERENCE}
    adapter, _ = _ADAPTERS.get(name, (_FILLMASK, ""))
    module, _, kind = adapter.partition(":")
    opened: Contender = getattr(import_module(f"benchmarks.contenders.{module}"), kind)(
        folders, threads, precision_of(name, device), **place
    )
    return opened
