"""ONNX Runtime: providers, threads, and the contract between the engine and a graph.

A *native* graph takes ``mask_positions int64[b, m]`` and gives ``logits float32[b, m, V]``: its LM head runs at the
masks only. A *foreign* graph gives ``logits[b, s, V]`` and the rows are taken here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from fillmask.cpu import available_threads
from fillmask.encoding import Encoded
from fillmask.errors import ArtifactError, FillMaskError, ForkError, InputError, ProviderError

Provider = str | tuple[str, Mapping[str, Any]]
"""An execution provider, by name or with its options."""

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mask_positions"}
_DTYPES: dict[str, type[np.integer[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
# Its kernel takes five times as long as the two operators that it fuses (MiniLM, 128 tokens).
_SLOW_FUSIONS = ["SkipLayerNormFusion"]
_MOST_THREADS = 1024
_PACKAGES = {
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
    "DmlExecutionProvider": "onnxruntime-directml",
}


class Session:
    """A graph, loaded and checked.

    Args:
        graph: The model as bytes, or its path where weights lie in a second file beside it.
        providers: Execution providers in order of preference; None takes CUDA where it is there, then the CPU.
        threads: Threads of one run; None takes what the process may use.

    Attributes:
        threads: Threads of one run.
        providers: Names of the providers in use.
        at_masks: Whether the graph takes ``mask_positions``.
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
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
    ) -> None:
        self.threads = _check_threads(threads)
        wanted = _check_providers(providers)
        self._session = _start(graph, wanted, _options(self.threads, alone=isinstance(graph, bytes)))
        self.providers: list[str] = self._session.get_providers()
        if self.providers[0] != _name(wanted[0]):
            raise ProviderError(f"{_name(wanted[0])} did not start, ONNX Runtime fell back to {self.providers[0]}")
        self._dtypes = _check_inputs(self._session)
        self._output, size = _check_output(self._session)
        self.at_masks = "mask_positions" in self._dtypes
        self._process = os.getpid()
        self.vocab_size: int = size if isinstance(size, int) else self._scored_tokens()

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
            FillMaskError: The run fails, or gives logits that are no numbers.
        """
        self.check_process()
        feeds = self._feeds(encoded, positions)
        try:
            (logits,) = self._session.run([self._output], feeds)
        except Exception as error:
            raise FillMaskError(f"ONNX Runtime failed in a run: {_first_line(error)}") from error
        if not self.at_masks:
            logits = np.take_along_axis(logits, positions[..., None], axis=1)
        if not np.isfinite(logits.max(axis=-1)).all():
            raise FillMaskError("the model gave logits that are no numbers (NaN or infinite); try another variant")
        return np.asarray(logits, dtype=np.float32)

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

    def _scored_tokens(self) -> int:
        """The last axis of the logits, by a run on two tokens, where the graph does not declare it."""
        encoded = Encoded(np.zeros((1, 2), dtype=np.int64), np.ones((1, 2), dtype=np.int64))
        return int(self.run(encoded, np.zeros((1, 1), dtype=np.int64)).shape[-1])

    def _feeds(self, encoded: Encoded, positions: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        values = {
            "input_ids": encoded.input_ids,
            "attention_mask": encoded.attention_mask,
            "mask_positions": positions,
        }
        if "token_type_ids" in self._dtypes:
            values["token_type_ids"] = np.zeros_like(encoded.input_ids)
        return {name: values[name].astype(dtype, copy=False) for name, dtype in self._dtypes.items()}


def _options(threads: int, *, alone: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if alone:
        # Else a graph given as bytes would read weights that lie outside it from the working directory, unhashed.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    return options


def _start(graph: bytes | Path, providers: list[Provider], options: ort.SessionOptions) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(graph, options, providers=providers, disabled_optimizers=_SLOW_FUSIONS)
    except Exception as error:
        # ONNX Runtime raises a class of its own for each of its status codes; none has a base of its own.
        if _name(providers[0]) != "CPUExecutionProvider":
            raise ProviderError(
                f"{_name(providers[0])} does not start with this model: {_first_line(error)}"
            ) from error
        raise ArtifactError(f"ONNX Runtime cannot load the graph: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _name(provider: Provider) -> str:
    return provider if isinstance(provider, str) else provider[0]


def _check_threads(threads: object) -> int:
    if threads is None:
        return available_threads()
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= _MOST_THREADS:
        raise InputError(f"threads must be a whole number from 1 to {_MOST_THREADS}, or None, got {threads!r}")
    return threads


def _check_providers(providers: Sequence[Provider] | None) -> list[Provider]:
    available = ort.get_available_providers()
    if providers is None:
        return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    if isinstance(providers, str) or not isinstance(providers, Sequence) or not providers:
        raise ProviderError(f"providers must be a list of names such as {available}, got {providers!r}")
    for provider in providers:
        if not _is_provider(provider):
            raise ProviderError(f"a provider must be a name or a pair of a name and its options, got {provider!r}")
        name = _name(provider)
        if name not in available:
            package = _PACKAGES.get(name)
            hint = f"; pip install {package} in place of onnxruntime" if package else ""
            raise ProviderError(f"{name!r} is not in this ONNX Runtime, which has {', '.join(available)}{hint}")
    return list(providers)


def _is_provider(provider: object) -> bool:
    pair = isinstance(provider, tuple) and len(provider) == 2 and isinstance(provider[1], Mapping)
    return isinstance(provider, str) or (pair and isinstance(provider[0], str))  # type: ignore[index]


def _check_inputs(session: ort.InferenceSession) -> dict[str, type[np.integer[Any]]]:
    inputs = {node.name: node.type for node in session.get_inputs()}
    unknown = inputs.keys() - _KNOWN_INPUTS
    if unknown or "input_ids" not in inputs:
        raise ArtifactError(
            f"the graph takes {', '.join(inputs)}; a masked LM takes input_ids and may take "
            f"{', '.join(sorted(_KNOWN_INPUTS - {'input_ids'}))}"
        )
    for name, dtype in inputs.items():
        if dtype not in _DTYPES:
            raise ArtifactError(f"the graph takes {name} as {dtype}, not as one of {', '.join(_DTYPES)}")
    return {name: _DTYPES[dtype] for name, dtype in inputs.items()}


def _check_output(session: ort.InferenceSession) -> tuple[str, object]:
    outputs = {node.name: node.shape for node in session.get_outputs()}
    name = "logits" if "logits" in outputs else next(iter(outputs))
    if len(outputs[name]) != 3:
        raise ArtifactError(f"the graph gives {name} with {len(outputs[name])} axes; a masked LM gives logits[b, s, V]")
    return name, outputs[name][-1]
