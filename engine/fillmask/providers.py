"""Execution providers: which there are, and which to use. None that is asked for is ever replaced in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnxruntime as ort

from fillmask.errors import ProviderError

Provider = str | tuple[str, Mapping[str, Any]]
"""An execution provider, by name or with its options."""

_PACKAGES = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
}


def name_of(provider: Provider) -> str:
    """A provider's name, without its options."""
    return provider if isinstance(provider, str) else provider[0]


def check_providers(providers: Sequence[Provider] | None) -> list[Provider]:
    """Choose the providers, or check those that are asked for.

    Args:
        providers: In order of preference; None takes CUDA where it is there, then the CPU.

    Raises:
        ProviderError: One is not in this ONNX Runtime, is named twice or is not a provider.
    """
    available = ort.get_available_providers()
    if providers is None:
        return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    if isinstance(providers, str) or not isinstance(providers, Sequence) or not providers:
        raise ProviderError(f"providers must be a list of names such as {available}, got {providers!r}")
    for provider in providers:
        if not _is_provider(provider):
            raise ProviderError(f"a provider must be a name or a pair of a name and its options, got {provider!r}")
        name = name_of(provider)
        if [name_of(other) for other in providers if _is_provider(other)].count(name) > 1:
            raise ProviderError(f"{name!r} is named twice in {providers!r}")
        if name not in available:
            package = _PACKAGES.get(name)
            hint = f"; pip install {package} in place of onnxruntime" if package else ""
            raise ProviderError(f"{name!r} is not in this ONNX Runtime, which has {', '.join(available)}{hint}")
    return [name if isinstance(name, str) else (name[0], dict(name[1])) for name in providers]


def _is_provider(provider: object) -> bool:
    pair = isinstance(provider, tuple) and len(provider) == 2 and isinstance(provider[1], Mapping)
    return isinstance(provider, str) or (pair and isinstance(provider[0], str))  # type: ignore[index]
