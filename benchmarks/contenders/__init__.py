"""The contenders, one adapter a file, each with the best settings that its documentation names.

An adapter's ``Contender`` takes the model's folders, the threads of one run, and the precision of its products. It is
loaded completely when it is made, and predicts the five likeliest tokens of texts with one mask each. Each runs in a
process of its own (``benchmarks.harness.worker``).
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
    """A program that predicts masked tokens.

    Attributes:
        settings: For the record.
    """

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
_ADAPTERS = {
    REFERENCE: ("transformers_", "fp32"),
    "optimum-fp32": ("optimum_", "fp32"),
    "optimum-int8": ("optimum_", "int8"),
    "openvino-fp32": ("openvino_", "fp32"),
    "openvino-bf16": ("openvino_", "bf16"),
    "faster-clip": ("faster_clip_", "int8 weights"),
    "floor-int8": ("floor_", "int8"),
    "fillmask-fp32": ("fillmask_", "fp32"),
    FILLMASK: ("fillmask_", "int8"),
    AGAIN: ("fillmask_", "int8"),
}


def names(model: str, device: Device = CPU) -> list[str]:
    """The contenders that can run a model on a device; faster-clip knows BERT base only."""
    if not device.is_cpu:
        return [REFERENCE, "fillmask-fp32", device.ours, device.again]
    return [name for name in _ADAPTERS if name != "faster-clip" or model == "bert-base"]


def precision_of(name: str, device: Device = CPU) -> str:
    """Of a contender's products; what follows a comma in its name does not count."""
    contender = name.partition(",")[0].removesuffix("-again").removesuffix("-cpu")
    if contender == REFERENCE:
        return device.torch_precision
    return _ADAPTERS[contender][1] if contender in _ADAPTERS else contender.partition("-")[2]


def open_contender(name: str, folders: ModelFolders, threads: int, device: Device = CPU) -> Contender:
    """Load a contender.

    Args:
        name: Of the contender.
        folders: Of the model.
        threads: Of one run; 0 takes the contender's default.
        device: Where it runs.
    """
    if name == FP32_ON_CPU or not device.is_cpu:
        return _open_on_gpu(name, folders, device)
    module, precision = _ADAPTERS[name]
    opened: Contender = import_module(f"benchmarks.contenders.{module}").Contender(folders, threads, precision)
    return opened


def _open_on_gpu(name: str, folders: ModelFolders, device: Device) -> Contender:
    from benchmarks.contenders import fillmask_, transformers_

    if name == FP32_ON_CPU:
        return fillmask_.Contender(folders, 0, "fp32", top_k=TOP_K_OF_REFERENCE)
    if name == REFERENCE:
        return transformers_.Contender(folders, 0, device.torch_precision, device)
    return fillmask_.Contender(folders, 0, precision_of(name), device)
