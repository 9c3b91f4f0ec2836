"""ONNX Runtime: providers, threads, and the contract between the engine and a graph.

A *native* graph takes ``mask_positions int64[b, m]`` and gives ``logits float32[b, m, V]``: its LM head runs at the
masks only. A *foreign* graph gives ``logits[b, s, V]`` and the rows are taken here.
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

from fillmask.encoding import Encoded
from fillmask.errors import ArtifactError, FillMaskError, ForkError, InputError, ProviderError, first_line, one_line
from fillmask.runtime import forks
from fillmask.runtime.cpu import available_threads
from fillmask.runtime.io_binding import BoundRuns, device_of
from fillmask.runtime.providers import CPU, Provider, check_providers, check_started, is_gpu, name_of, preload

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mask_positions"}
_FLOAT32 = np.dtype(np.float32)
_DTYPES = ("tensor(int64)", "tensor(int32)")
# Its kernel takes five times as long as the two operators that it fuses (MiniLM, 128 tokens).
_SLOW_FUSIONS = ["SkipLayerNormFusion"]
_MOST_THREADS = 1024


class Session:
    """A graph, loaded and checked.

    Args:
        graph: The model as bytes, or its path.
        weights: The file of the weights of a graph given as bytes; None if they are in it.
        providers: Execution providers in order of preference.
        threads: Threads of one run; None takes what the process may use.

    Attributes:
        threads: Threads of one run.
        providers: Names of the providers in use.
        on_gpu: Whether the first of them is a GPU's.
        at_masks: Whether the graph takes ``mask_positions``.
        takes_attention_mask: Whether it can tell padding from text.
        vocab_size: Tokens that the graph scores.

    Raises:
        InputError: threads is not a number of threads.
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
        self._session = _start(graph, weights, wanted, options)
        self.providers: list[str] = self._session.get_providers()
        self.on_gpu = is_gpu(self.providers[0])
        self._dtypes = _check_inputs(self._session)
        self._output, size = _check_output(self._session)
        self.at_masks = "mask_positions" in self._dtypes
        self.takes_attention_mask = "attention_mask" in self._dtypes
        self._narrow = [name for name, dtype in self._dtypes.items() if dtype == "tensor(int32)"]
        self._process, self._forks = os.getpid(), forks.count
        self._bound: BoundRuns | None = None
        self.vocab_size = size if isinstance(size, int) else self._scored_tokens()
        device = device_of(self._session)
        if device is not None and self.at_masks:
            self._bound = BoundRuns(self._session, self._output, self.vocab_size, device)

    def run(self, encoded: Encoded, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Run the model.

        The GIL is released meanwhile, and threads may call this at the same time.

        Args:
            encoded: ``b`` texts.
            positions: Where their masks are, ``int64[b, m]``.

        Returns:
            Logits at the masks, ``float32[b, m, V]``.

        Raises:
            ForkError: This process is a fork of the one that loaded the model.
            FillMaskError: The run fails.
        """
        self.check_process()
        logits = self._logits(encoded, positions)
        if logits.shape[-1] != self.vocab_size:
            raise FillMaskError(f"the graph declares {self.vocab_size} logits a token and gives {logits.shape[-1]}")
        if not self.at_masks:
            logits = np.take_along_axis(logits, positions[..., None], axis=1)
        if logits.shape[:2] != positions.shape:
            raise FillMaskError(f"the graph gives logits {logits.shape} for masks {positions.shape}, no row for each")
        return logits if logits.dtype is _FLOAT32 else logits.astype(np.float32)

    @property
    def nodes(self) -> dict[str, int]:
        """As ``FillMask.nodes``."""
        if not hasattr(self._session, "get_provider_graph_assignment_info"):
            return {}
        given: Counter[str] = Counter()
        for part in self._session.get_provider_graph_assignment_info():
            given[part.ep_name] += len(part.get_nodes())
        return dict(given.most_common())

    def check_process(self) -> None:
        """Refuse to run in a forked child, where ONNX Runtime's threads do not exist and a run would hang.

        Raises:
            ForkError: This process is a fork of the one that loaded the model.
        """
        if forks.count != self._forks:
            raise ForkError(
                f"this FillMask was made in process {self._process} and does not survive a fork into {os.getpid()}; "
                f"make it after the fork, or start workers with multiprocessing.get_context('spawn')"
            )

    def _logits(self, encoded: Encoded, positions: NDArray[np.int64]) -> NDArray[np.floating[Any]]:
        feeds = self._feeds(encoded, positions)
        try:
            if self._bound is not None:
                return self._bound.run(feeds)
            (logits,) = self._session.run([self._output], feeds)
        except Exception as error:
            raise FillMaskError(f"ONNX Runtime failed in a run: {first_line(error)}") from error
        answer: NDArray[np.floating[Any]] = logits
        return answer

    def _scored_tokens(self) -> int:
        """The last axis of the logits, by a run on two tokens, where the graph does not declare it."""
        encoded = Encoded(np.zeros((1, 2), dtype=np.int64), np.ones((1, 2), dtype=np.int64))
        try:
            size = int(self._logits(encoded, np.zeros((1, 1), dtype=np.int64)).shape[-1])
        except FillMaskError as error:
            raise ArtifactError(f"the graph does not run on two tokens: {error}") from error
        if not size:
            raise ArtifactError("the graph gives no logits: their last axis is 0")
        return size

    def _feeds(self, encoded: Encoded, positions: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        feeds: dict[str, NDArray[Any]] = {"input_ids": encoded.input_ids}
        if self.takes_attention_mask:
            feeds["attention_mask"] = encoded.attention_mask
        if self.at_masks:
            feeds["mask_positions"] = positions
        if "token_type_ids" in self._dtypes:
            feeds["token_type_ids"] = np.zeros_like(encoded.input_ids)
        for name in self._narrow:
            feeds[name] = feeds[name].astype(np.int32)
        return feeds


def _options(threads: int, graph: bytes | Path, weights: Path | None) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")  # for Session.nodes; costs nothing
    if isinstance(graph, bytes):
        # Without it a graph given as bytes reads weights that lie outside it from the working directory, unhashed.
        folder = os.devnull if weights is None else str(weights.parent)
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    return options


def _linked(weights: Path | None) -> bytes | None:
    """The content of weights that are a link, as in the hub's cache: ONNX Runtime does not follow it.

    A file it maps into memory instead, which takes less of it: for the embedded model 49 MB rather than 75.
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
        # ONNX Runtime reads this memory, and keeps no reference to it, until the session is made.
        options.add_external_initializers_from_files_in_memory([weights.name], [content], [len(content)])
    said = preload(providers)
    session = _load(graph, providers, options)
    check_started(providers, session.get_providers(), said)
    return session


def _load(graph: bytes | Path, providers: list[Provider], options: ort.SessionOptions) -> ort.InferenceSession:
    if os.environ.get("ORT_DISABLE_TELEMETRY") == "1":
        ort.disable_telemetry_events()
    try:
        # Its fallback prints, and goes on with other providers, or with the same without their options.
        return ort.InferenceSession(
            graph, options, providers=providers, disabled_optimizers=_SLOW_FUSIONS, enable_fallback=False
        )
    except Exception as error:
        # ONNX Runtime raises a class of its own for each of its status codes; none has a base of its own.
        if others := [name_of(provider) for provider in providers if name_of(provider) != CPU]:
            raise ProviderError(f"{', '.join(others)} does not start with this model: {one_line(error)}") from error
        raise ArtifactError(f"ONNX Runtime cannot load the graph: {first_line(error)}") from error


def _check_threads(threads: object) -> int:
    if threads is None:
        return available_threads()
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= _MOST_THREADS:
        raise InputError(f"threads must be a whole number from 1 to {_MOST_THREADS}, or None, got {threads!r}")
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
