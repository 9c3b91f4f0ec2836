"""ONNX Runtime: providers, threads, and the contract between the engine and a graph.

A *native* graph takes ``mask_positions int64[b, m]`` and gives ``logits float32[b, m, V]``: its LM head runs only at
these positions. A *foreign* graph gives ``logits[b, s, V]``, and the session takes the rows.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from fillmask.errors import ArtifactError, FillMaskError, ForkError, InputError, ProviderError, first_line, one_line
from fillmask.runtime.cpu import available_threads
from fillmask.runtime.io_binding import BoundRuns, device_of
from fillmask.runtime.providers import CPU, Provider, check_providers, check_started, is_gpu, name_of, preload

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mask_positions"}
_FLOAT32 = np.dtype(np.float32)
_Ids = NDArray[np.int64]
_DTYPES = ("tensor(int64)", "tensor(int32)")
# The fused kernel takes five times as long as its two operators (MiniLM, 128 tokens).
_SLOW_FUSIONS = ["SkipLayerNormFusion"]
_MAX_THREADS = 1024


class Session:
    """A graph, loaded and checked.

    Args:
        graph: The model as bytes, or its path.
        weights: The file of the weights of a graph given as bytes; None if the graph holds them.
        providers: Execution providers in order of preference.
        threads: Threads of one run; None takes what the process may use.

    Attributes:
        ort: ONNX Runtime's session.
        threads: Threads of one run.
        providers: Names of the providers in use.
        on_gpu: Whether the first provider is a GPU's.
        at_masks: Whether the graph takes ``mask_positions``.
        takes_attention_mask: Whether the graph can tell padding from text.
        vocab_size: Tokens that the graph scores.

    Raises:
        InputError: ``threads`` is not a number of threads.
        ProviderError: A provider is missing or does not start.
        ArtifactError: The graph is broken, or its inputs and outputs are not those of a masked LM.
    """

    def __init__(
        self,
        graph: bytes | Path,
        *,
        weights: Path | None = None,
        providers: Sequence[Provider] = (CPU,),
        threads: int | None = None,
    ) -> None:
        self.threads = _check_threads(threads)
        wanted = check_providers(providers)
        options = _options(self.threads, graph, weights)
        self.ort = _start(graph, weights, wanted, options)
        self.providers: list[str] = self.ort.get_providers()
        self.on_gpu = is_gpu(self.providers[0])
        self._dtypes = _check_inputs(self.ort)
        self._output, size = _check_output(self.ort)
        self.at_masks = "mask_positions" in self._dtypes
        self.takes_attention_mask = "attention_mask" in self._dtypes
        self._narrow = [name for name, dtype in self._dtypes.items() if dtype == "tensor(int32)"]
        self._process = os.getpid()
        self._bound: BoundRuns | None = None
        self.vocab_size = size if isinstance(size, int) else self._scored_tokens()
        device = device_of(self.ort)
        if device is not None and self.at_masks:
            self._bound = BoundRuns(self.ort, self._output, self.vocab_size, device)

    def run(
        self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Run the model. The run releases the GIL, and several threads may call it at the same time.

        Args:
            input_ids: Token ids of ``b`` rows, ``int64[b, s]``.
            attention_mask: 1 for a token and 0 for padding, ``int64[b, s]``.
            positions: Where the logits are read, ``int64[b, m]``.

        Returns:
            Logits at these positions, ``float32[b, m, V]``.

        Raises:
            ForkError: This process is a fork of the one that loaded the model.
            FillMaskError: The run fails.
        """
        self.check_process()
        logits = self._logits(input_ids, attention_mask, positions)
        if logits.shape[-1] != self.vocab_size:
            raise FillMaskError(f"the graph declares {self.vocab_size} logits a token and gives {logits.shape[-1]}")
        if not self.at_masks:
            logits = np.take_along_axis(logits, positions[..., None], axis=1)
        if logits.shape[:2] != positions.shape:
            raise FillMaskError(f"the graph gives logits {logits.shape} for masks {positions.shape}, no row for each")
        return logits if logits.dtype is _FLOAT32 else logits.astype(np.float32)

    @property
    def nodes(self) -> dict[str, int]:
        """How many of the graph's nodes each provider runs; empty where ONNX Runtime does not report it (1.23)."""
        if not hasattr(self.ort, "get_provider_graph_assignment_info"):
            return {}
        nodes: Counter[str] = Counter()
        for part in self.ort.get_provider_graph_assignment_info():
            nodes[part.ep_name] += len(part.get_nodes())
        return dict(nodes.most_common())

    def check_process(self) -> None:
        """Refuse to run in a forked child, where ONNX Runtime's threads do not exist and a run would hang.

        Raises:
            ForkError: This process is a fork of the one that loaded the model.
        """
        if os.getpid() != self._process:
            raise ForkError(
                f"this FillMask was made in process {self._process} and does not survive a fork into {os.getpid()}; "
                f"make it after the fork, or start workers with multiprocessing.get_context('spawn')"
            )

    def _logits(self, input_ids: _Ids, attention_mask: _Ids, positions: _Ids) -> NDArray[np.floating[Any]]:
        feeds = self._feeds(input_ids, attention_mask, positions)
        try:
            if self._bound is not None:
                return self._bound.run(feeds)
            logits: NDArray[np.floating[Any]] = self.ort.run([self._output], feeds)[0]
        except Exception as error:
            raise FillMaskError(f"ONNX Runtime failed in a run: {first_line(error)}") from error
        return logits

    def _scored_tokens(self) -> int:
        """The last axis of the logits, by a run on two tokens, where the graph does not declare it."""
        two, one = (np.zeros((1, size), dtype=np.int64) for size in (2, 1))
        try:
            size = int(self._logits(two, np.ones_like(two), one).shape[-1])
        except FillMaskError as error:
            raise ArtifactError(f"the graph does not run on two tokens: {error}") from error
        if not size:
            raise ArtifactError("the graph gives no logits: their last axis is 0")
        return size

    def _feeds(self, input_ids: _Ids, attention_mask: _Ids, positions: _Ids) -> dict[str, NDArray[Any]]:
        feeds: dict[str, NDArray[Any]] = {"input_ids": input_ids}
        if self.takes_attention_mask:
            feeds["attention_mask"] = attention_mask
        if self.at_masks:
            feeds["mask_positions"] = positions
        if "token_type_ids" in self._dtypes:
            feeds["token_type_ids"] = np.zeros_like(input_ids)
        for name in self._narrow:
            feeds[name] = feeds[name].astype(np.int32)
        return feeds


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


def _linked(weights: Path | None) -> bytes | None:
    """The content of weights that are a link, as in the hub's cache: ONNX Runtime does not follow links.

    It maps a plain file into memory, which takes less memory: 49 MB instead of 75 for the embedded model.
    """
    if weights is None or not weights.is_symlink():
        return None
    if not hasattr(ort.SessionOptions, "add_external_initializers_from_files_in_memory"):
        raise ArtifactError(
            f"{weights} is a link, which this ONNX Runtime ({ort.__version__}) does not follow; copy the model's "
            f"folder, following links, or install a newer onnxruntime"
        )
    return weights.read_bytes()


def _start(
    graph: bytes | Path, weights: Path | None, providers: list[Provider], options: ort.SessionOptions
) -> ort.InferenceSession:
    content = _linked(weights)
    if content is not None and weights is not None:
        # ONNX Runtime reads this memory until the session is made, and keeps no reference to it.
        options.add_external_initializers_from_files_in_memory([weights.name], [content], [len(content)])
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


def _check_threads(threads: object) -> int:
    if threads is None:
        return available_threads()
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= _MAX_THREADS:
        raise InputError(f"threads must be a whole number from 1 to {_MAX_THREADS}, or None, got {threads!r}")
    return threads


def _check_inputs(session: ort.InferenceSession) -> dict[str, str]:
    inputs: dict[str, str] = {node.name: node.type for node in session.get_inputs()}
    unknown = inputs.keys() - _KNOWN_INPUTS
    if unknown or "input_ids" not in inputs:
        raise ArtifactError(
            f"the graph takes {', '.join(inputs)}; a masked LM takes input_ids and may take "
            f"{', '.join(sorted(_KNOWN_INPUTS - {'input_ids'}))}"
        )
    for name, dtype in inputs.items():
        if dtype not in _DTYPES:
            raise ArtifactError(f"the graph takes {name} as {dtype}, not as one of {', '.join(_DTYPES)}")
    return inputs


def _check_output(session: ort.InferenceSession) -> tuple[str, object]:
    outputs = {node.name: node.shape for node in session.get_outputs()}
    name = "logits" if "logits" in outputs else next(iter(outputs))
    if len(outputs[name]) != 3:
        raise ArtifactError(f"the graph gives {name} with {len(outputs[name])} axes; a masked LM gives logits[b, s, V]")
    return name, outputs[name][-1]
