"""A graph to a session of ONNX Runtime: its options, its weights, its providers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import onnxruntime as ort

from fillmask.artifact.external_data import external_files, inside
from fillmask.artifact.weights_file import WeightsFile
from fillmask.errors import ArtifactError, InputError, ProviderError, first_line, one_line
from fillmask.runtime.cpu import available_threads
from fillmask.runtime.linked_weights import within_reach
from fillmask.runtime.providers import CPU, Provider, check_started, name_of, preload

# The fused kernel takes five times as long as its two operators (MiniLM, 128 tokens).
_SLOW_FUSIONS = ["SkipLayerNormFusion"]
_MAX_THREADS = 1024


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")  # for Session.nodes
    # Otherwise bytes can be of ONNX Runtime's own format, which is not parsed for names of files.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


def files_of(graph: bytes | Path, weights: WeightsFile | None) -> dict[str, WeightsFile]:
    """The files of a graph's weights by name: the hashed one, or those that a foreign graph names.

    Raises:
        ArtifactError: A foreign graph cannot be parsed, or names a file that is not in its folder.
    """
    if isinstance(graph, Path) and graph.is_file():
        return {name: WeightsFile(inside(graph.parent, name)) for name in external_files(graph)}
    return {} if weights is None else {weights.path.name: weights}


def open_session(
    graph: bytes | Path,
    files: Mapping[str, WeightsFile],
    providers: list[Provider],
    threads: int,
    *,
    spinning: bool = True,
) -> ort.InferenceSession:
    """Load a graph.

    Args:
        graph: The model as bytes, or its path.
        files: The files of its weights by name.
        providers: Execution providers in order of preference, checked.
        threads: Threads of one run.
        spinning: Whether its threads wait for work in a loop.

    Raises:
        ProviderError: A provider does not start.
        ArtifactError: The graph cannot be loaded.
        IntegrityError: A file of weights was replaced meanwhile.
    """
    options = _options(threads)
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    messages = preload(providers)
    with within_reach(graph, files, options) as reached:
        session = _load(reached, providers, options)
    for file in files.values():
        file.check_loaded()
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
