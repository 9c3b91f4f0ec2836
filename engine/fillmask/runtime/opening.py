"""A graph to a session of ONNX Runtime: its options, its weights, its providers."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime as ort

from fillmask.artifact.external_data import external_files
from fillmask.errors import ArtifactError, InputError, ProviderError, first_line, one_line
from fillmask.runtime.cpu import available_threads
from fillmask.runtime.providers import CPU, Provider, check_started, name_of, preload

# The fused kernel takes five times as long as its two operators (MiniLM, 128 tokens).
_SLOW_FUSIONS = ["SkipLayerNormFusion"]
_MAX_THREADS = 1024


def _options(threads: int, graph: bytes | Path, weights: Path | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")  # for Session.nodes
    if isinstance(graph, bytes):
        # Otherwise a graph given as bytes reads external weights from the working directory, unhashed.
        folder = os.devnull if weights is None else str(weights.parent)
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    return options


def _linked(graph: bytes | Path, weights: Path | None) -> dict[str, bytes]:
    """Files of weights that are links, as in the hub's cache, by name: ONNX Runtime does not follow links.

    It maps a plain file into memory, which takes less memory: 49 MB instead of 75 for the embedded model.
    """
    if isinstance(graph, Path) and graph.is_file():
        files = {name: graph.parent / name for name in external_files(graph)}
    else:
        files = {} if weights is None else {weights.name: weights}
    links = {name: path for name, path in files.items() if path.is_symlink()}
    if links and not hasattr(ort.SessionOptions, "add_external_initializers_from_files_in_memory"):
        raise ArtifactError(
            f"{next(iter(links.values()))} is a link, which this ONNX Runtime ({ort.__version__}) does not follow; "
            f"copy the model's folder, following links, or install a newer onnxruntime"
        )
    return {name: path.read_bytes() for name, path in links.items()}


def open_session(
    graph: bytes | Path, weights: Path | None, providers: list[Provider], threads: int
) -> ort.InferenceSession:
    """Load a graph.

    Args:
        graph: The model as bytes, or its path.
        weights: The file of the weights of a graph given as bytes; None if the graph holds them.
        providers: Execution providers in order of preference, checked.
        threads: Threads of one run.

    Raises:
        ProviderError: A provider does not start.
        ArtifactError: The graph cannot be loaded.
    """
    options = _options(threads, graph, weights)
    linked = _linked(graph, weights)
    if linked:
        # ONNX Runtime reads this memory until the session is made, and keeps no reference to it.
        sizes = list(map(len, linked.values()))
        options.add_external_initializers_from_files_in_memory(list(linked), list(linked.values()), sizes)
    messages = preload(providers)
    session = _load(graph, providers, options)
    check_started(providers, session.get_providers(), messages)
    return session


def _load(graph: bytes | Path, providers: list[Provider], options: ort.SessionOptions) -> ort.InferenceSession:
    if os.environ.get("ORT_DISABLE_TELEMETRY") == "1":
        ort.disable_telemetry_events()
    try:
        # ONNX Runtime's own fallback prints, and continues with other providers or without their options.
        return ort.InferenceSession(
            graph, options, providers=providers, disabled_optimizers=_SLOW_FUSIONS, enable_fallback=False
        )
    except Exception as error:
        # ONNX Runtime raises a class of its own for each status code, without a common base.
        if others := [name_of(provider) for provider in providers if name_of(provider) != CPU]:
            raise ProviderError(f"{', '.join(others)} does not start with this model: {one_line(error)}") from error
        raise ArtifactError(f"ONNX Runtime cannot load the graph: {first_line(error)}") from error


def check_threads(threads: object) -> int:
    """Check a number of threads; None takes what the process may use.

    Raises:
        InputError: Not a whole number from 1 to 1024.
    """
    if threads is None:
        return available_threads()
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= _MAX_THREADS:
        raise InputError(f"threads must be a whole number from 1 to {_MAX_THREADS}, or None, got {threads!r}")
    return threads
