"""Execution providers: their names, their options, and which of them are there. None is ever replaced in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import onnxruntime as ort

from fillmask.errors import ProviderError

Provider = str | tuple[str, Mapping[str, Any]]
"""An execution provider, by name or with its options."""

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
_NVIDIA = (CUDA, "TensorrtExecutionProvider")
_GPUS = (*_NVIDIA, "NvTensorRTRTXExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider",
         "DmlExecutionProvider", "WebGpuExecutionProvider")  # fmt: skip
_PACKAGES = {
    CUDA: "onnxruntime-gpu[cuda,cudnn]",
    "TensorrtExecutionProvider": "onnxruntime-gpu[cuda,cudnn]",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
    "ROCMExecutionProvider": "onnxruntime-rocm",
    "MIGraphXExecutionProvider": "onnxruntime-migraphx",
    "QNNExecutionProvider": "onnxruntime-qnn",
}


def name_of(provider: Provider) -> str:
    """A provider's name, without its options."""
    return provider if isinstance(provider, str) else provider[0]


def is_gpu(provider: Provider) -> bool:
    """Whether a provider is a GPU's: it computes fp16 natively, and texts by the batch."""
    return name_of(provider) in _GPUS


def wants_gpu(providers: Sequence[Provider] | None) -> bool:
    """Whether a GPU shall be used, by name or, where there is no choice, since CUDA is there."""
    return CUDA in ort.get_available_providers() if providers is None else is_gpu(providers[0])


def parse_provider(text: str) -> Provider:
    """Read a provider as a command line names it: ``NAME``, or ``NAME:option=value,option=value``.

    Raises:
        ProviderError: What follows the colon are no options.
    """
    name, colon, listed = text.partition(":")
    if not colon:
        return text
    pairs = [option.partition("=") for option in listed.split(",")]
    if not all(option and equals for option, equals, _ in pairs):
        raise ProviderError(f"a provider must be NAME or NAME:option=value,option=value, got {text!r}")
    return name, {option: value for option, _, value in pairs}


def check_providers(providers: Sequence[Provider]) -> list[Provider]:
    """Check the providers that are asked for.

    Args:
        providers: In order of preference.

    Returns:
        The same, each name's options as the dict that ONNX Runtime takes.

    Raises:
        ProviderError: One is not in this ONNX Runtime, is named twice or is not a provider.
    """
    available = ort.get_available_providers()
    if isinstance(providers, str) or not isinstance(providers, Sequence) or not providers:
        raise ProviderError(f"providers must be a list of names such as {available}, got {providers!r}")
    for provider in providers:
        if not _is_provider(provider):
            raise ProviderError(f"a provider must be a name or a pair of a name and its options, got {provider!r}")
        name = name_of(provider)
        if [name_of(other) for other in providers if _is_provider(other)].count(name) > 1:
            raise ProviderError(f"{name!r} is named twice in {providers!r}")
        if name not in available:
            raise ProviderError(f"{name!r} is not in this ONNX Runtime, which has {', '.join(available)}{_hint(name)}")
    return [name if isinstance(name, str) else (name[0], dict(name[1])) for name in providers]


def preload(providers: Sequence[Provider]) -> str:
    """Load the libraries of CUDA and cuDNN that pip installed, where a provider needs them and ONNX Runtime can.

    Returns:
        What ONNX Runtime said of those that are not there, in one line; it would print it.
    """
    if not any(name_of(provider) in _NVIDIA for provider in providers) or not hasattr(ort, "preload_dlls"):
        return ""
    said = StringIO()
    with redirect_stdout(said):
        ort.preload_dlls()
    return " ".join(said.getvalue().split())


def check_started(wanted: Sequence[Provider], started: Sequence[str], said: str = "") -> None:
    """Refuse a session that does without a provider it was made for.

    Args:
        wanted: What was asked for.
        started: What the session has.
        said: What is known of the reason.

    Raises:
        ProviderError: One is missing.
    """
    for name in map(name_of, wanted):
        if name not in started:
            reason = f": {said}" if said else f"; it needs its libraries and a device{_hint(name)}"
            raise ProviderError(f"{name} did not start, ONNX Runtime fell back to {', '.join(started)}{reason}")


def _hint(name: str) -> str:
    package = _PACKAGES.get(name)
    return f'; pip install "{package}" in place of onnxruntime' if package else ""


def _is_provider(provider: object) -> bool:
    pair = isinstance(provider, tuple) and len(provider) == 2 and isinstance(provider[1], Mapping)
    return isinstance(provider, str) or (pair and isinstance(provider[0], str))  # type: ignore[index]
