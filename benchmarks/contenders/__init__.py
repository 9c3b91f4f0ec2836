"""The contenders, one adapter a file, each with its best documented settings.

An adapter loads completely when it is made, and answers texts of one mask with the five likeliest tokens. It lives in a
process of its own (``benchmarks.harness.worker``).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from benchmarks.models.folders import ModelFolders

TOP_K = 5
Answer = list[tuple[int, float]]
"""Tokens with their scores, best first."""


class Contender(Protocol):
    """What answers texts.

    Attributes:
        settings: For the record.
    """

    settings: dict[str, Any]

    def predict(self, texts: list[str], batch_size: int = 1, workers: int = 1) -> list[Answer]:
        """Answer texts of one mask each.

        Args:
            texts: Any number.
            batch_size: Texts that run together; adapters put those of like length together.
            workers: Runs at the same time, where a contender can.
        """
        ...


FILLMASK, AGAIN, REFERENCE = "fillmask-int8", "fillmask-int8-again", "transformers"
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


def names(model: str) -> list[str]:
    """The contenders that can run a model; faster-clip knows BERT base only."""
    return [name for name in _ADAPTERS if name != "faster-clip" or model == "bert-base"]


def precision_of(name: str) -> str:
    """Of a contender's products."""
    return _ADAPTERS[name][1]


def open_contender(name: str, folders: ModelFolders, threads: int) -> Contender:
    """Load a contender."""
    module, precision = _ADAPTERS[name]
    made: Contender = import_module(f"benchmarks.contenders.{module}").Contender(folders, threads, precision)
    return made
