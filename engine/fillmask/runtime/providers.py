"""Execution providers: their names, their options, and which are available. None is ever replaced silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from threading import Lock
from typing import Any

import onnxruntime as ort

from fillmask.errors import ProviderError

Provider = str | tuple[str, Mapping[str, Any]]
"""An execution provider, by name or with its options."""

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
NVIDIA = (CUDA, "TensorrtExecutionProvider")
_GPUS = (*NVIDIA, "NvTensorRTRTXExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider",
         "DmlExecutionProvider", "WebGpuExecutionProvider")  # fmt: skip
# ONNX Runtime reads no option of these, and reports none that it does not know.
_WITHOUT_OPTIONS = (CPU,)
_SUFFIX = "ExecutionProvider"
_PRELOADING = Lock()
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
    """Whether a provider runs on a GPU, which computes fp16 natively and gains from batches."""
    return name_of(provider) in _GPUS


def wants_gpu(providers: Sequence[Provider] | None) -> bool:
    """Whether a GPU is wanted: by the first provider's name or, without providers, because CUDA is available."""
    return CUDA in ort.get_available_providers() if providers is None else is_gpu(providers[0])


def available_names() -> list[str]:
    """The short names of the providers that this ONNX Runtime has, such as ``cpu``."""
    return [name.removesuffix(_SUFFIX).lower() for name in ort.get_available_providers()]


def parse_provider(text: str) -> Provider:
    """Read a provider as a command line names it: ``NAME``, or ``NAME:option=value,option=value``.

    A name may be short, in any case: ``cuda`` is ``CUDAExecutionProvider``.

    Raises:
        ProviderError: What follows the colon is not a list of options.
    """
    name, colon, listed = text.partition(":")
    known: list[str] = ort.get_all_providers()
    name = {each.removesuffix(_SUFFIX).lower(): each for each in known}.get(name.lower(), name)
    if not colon:
        return name
    pairs = [option.partition("=") for option in listed.split(",")]
    if not all(option and equals for option, equals, _ in pairs):
        raise ProviderError(f"a provider must be NAME or NAME:option=value,option=value, got {text!r}")
    return name, {option: value for option, _, value in pairs}


def check_providers(providers: Sequence[Provider]) -> list[Provider]:
    """Check the providers of a call.

    Args:
        providers: In order of preference.

    Returns:
        The same, with options as the dict that ONNX Runtime takes.

    Raises:
        ProviderError: One is not in this ONNX Runtime, is named twice, is none, or has options and takes none.
    """
    available = ort.get_available_providers()
    if isinstance(providers, str) or not isinstance(providers, Sequence) or not providers:
        raise ProviderError(f"providers must be a list of names such as {available}, got {providers!r}")
    for provider in providers:
        _check_provider(provider, available)
    names = list(map(name_of, providers))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ProviderError(f"{twice!r} is named twice in {providers!r}")
    return [provider if isinstance(provider, str) else (provider[0], dict(provider[1])) for provider in providers]


def preload(providers: Sequence[Provider]) -> str:
    """Load the libraries of CUDA and cuDNN that pip installed, where a provider needs them.

    Returns:
        ONNX Runtime's messages about missing libraries, in one line, which it would print.
    """
    if not any(name_of(provider) in NVIDIA for provider in providers):
        return ""
    with _PRELOADING:  # which redirects the standard output of the whole process
        return _preload()


def check_started(wanted: Sequence[Provider], started: Sequence[str], messages: str = "") -> None:
    """Refuse a session that lacks a provider it was made for.

    Args:
        wanted: Providers that it should have.
        started: Names of those that it has.
        messages: What ``preload`` returned.

    Raises:
        ProviderError: One is missing.
    """
    for name in map(name_of, wanted):
        if name not in started:
            package = f', which "{_PACKAGES[name]}" installs' if name in NVIDIA else ""
            needs = f"it needs a device, its driver and its libraries{package}"
            loading = f" (loading them reported: {messages})" if messages else ""
            raise ProviderError(f"{name} did not start, ONNX Runtime took {', '.join(started)}; {needs}{loading}")


def device_of(session: ort.InferenceSession) -> tuple[str, int] | None:
    """The device for a session's buffers; None for the host.

    ONNX Runtime's other providers take host memory and copy.
    """
    name = session.get_providers()[0]
    if name not in NVIDIA:
        return None
    return "cuda", int(session.get_provider_options()[name].get("device_id", 0))


def count_nodes(session: ort.InferenceSession) -> dict[str, int]:
    """How many of the graph's nodes each provider runs; empty where ONNX Runtime does not report it (1.23)."""
    nodes: Counter[str] = Counter()
    if hasattr(session, "get_provider_graph_assignment_info"):
        for part in session.get_provider_graph_assignment_info():
            nodes[part.ep_name] += len(part.get_nodes())
    return dict(nodes.most_common())


@cache
def _preload() -> str:
    messages = StringIO()
    with redirect_stdout(messages):
        ort.preload_dlls()
    return " ".join(messages.getvalue().split())


def _check_provider(provider: Provider, available: Sequence[str]) -> None:
    if not _is_provider(provider):
        raise ProviderError(f"a provider must be a name or a pair of a name and its options, got {provider!r}")
    name = name_of(provider)
    if name not in available:
        raise ProviderError(f"{name!r} is not in this ONNX Runtime, which has {', '.join(available)}{_hint(name)}")
    if name in _WITHOUT_OPTIONS and not isinstance(provider, str) and provider[1]:
        raise ProviderError(f"{name} takes no options, got {', '.join(map(str, provider[1]))}; FillMask(threads=…) and "
                            f"--threads set its threads")  # fmt: skip


def _hint(name: str) -> str:
    if package := _PACKAGES.get(name):
        return f'; pip install "{package}" in place of onnxruntime'
    if name.lower() == "gpu":  # nearest in spelling is webgpu
        return "; did you mean 'cuda'?"
    from difflib import get_close_matches  # 9 ms, which only an error need pay

    known = ort.get_all_providers()
    shorts = [each.removesuffix(_SUFFIX).lower() for each in known]
    close = get_close_matches(name, known, n=1) or get_close_matches(name.lower(), shorts, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _is_provider(provider: object) -> bool:
    pair = isinstance(provider, tuple) and len(provider) == 2 and isinstance(provider[1], Mapping)
    return isinstance(provider, str) or (pair and isinstance(provider[0], str))  # type: ignore[index]
