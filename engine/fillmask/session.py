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
from fillmask.errors import ArtifactError, ForkError, InputError, ProviderError

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mask_positions"}
_DTYPES: dict[str, type[np.integer[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
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
        entries: ONNX Runtime's session configuration entries.

    Raises:
        ProviderError: A provider is missing or does not start.
        ArtifactError: The graph is broken, or its inputs and outputs are not those of a masked LM.
    """

    def __init__(
        self,
        graph: bytes | Path,
        *,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
        entries: Mapping[str, str] | None = None,
    ) -> None:
        self.threads = _check_threads(threads)
        wanted = _check_providers(providers)
        self._session = _start(graph, wanted, _options(self.threads, entries or {}))
        self.providers: list[str] = self._session.get_providers()
        if self.providers[0] != wanted[0]:
            raise ProviderError(f"{wanted[0]} did not start, ONNX Runtime fell back to {self.providers[0]}")
        self._dtypes = _check_inputs(self._session)
        self._output = _check_output(self._session)
        self.at_masks = "mask_positions" in self._dtypes
        self._process = os.getpid()

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
            FillMaskError: The model gave no finite logits.
        """
        self.check_process()
        feeds = self._feeds(encoded, positions)
        (logits,) = self._session.run([self._output], feeds)
        if not self.at_masks:
            logits = np.take_along_axis(logits, positions[..., None], axis=1)
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

    def _feeds(self, encoded: Encoded, positions: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        values = {
            "input_ids": encoded.input_ids,
            "attention_mask": encoded.attention_mask,
            "mask_positions": positions,
        }
        if "token_type_ids" in self._dtypes:
            values["token_type_ids"] = np.zeros_like(encoded.input_ids)
        return {name: values[name].astype(dtype, copy=False) for name, dtype in self._dtypes.items()}


def _options(threads: int, entries: Mapping[str, str]) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    return options


def _start(graph: bytes | Path, providers: list[str], options: ort.SessionOptions) -> ort.InferenceSession:
    try:
        return ort.InferenceSession(graph, options, providers=providers)
    except Exception as error:
        # ONNX Runtime raises a class of its own for each of its status codes; none has a base of its own.
        reason = str(error).strip().splitlines()[0]
        if providers[0] != "CPUExecutionProvider":
            raise ProviderError(f"{providers[0]} does not start with this model: {reason}") from error
        raise ArtifactError(f"ONNX Runtime cannot load the graph: {reason}") from error


def _check_threads(threads: object) -> int:
    if threads is None:
        return available_threads()
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise InputError(f"threads must be a whole number from 1, or None, got {threads!r}")
    return threads


def _check_providers(providers: Sequence[str] | None) -> list[str]:
    available = ort.get_available_providers()
    if providers is None:
        return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    if isinstance(providers, str) or not isinstance(providers, Sequence) or not providers:
        raise ProviderError(f"providers must be a list of names such as {available}, got {providers!r}")
    for name in providers:
        if name not in available:
            package = _PACKAGES.get(name)
            hint = f"; pip install {package} in place of onnxruntime" if package else ""
            raise ProviderError(f"{name!r} is not in this ONNX Runtime, which has {', '.join(available)}{hint}")
    return list(providers)


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


def _check_output(session: ort.InferenceSession) -> str:
    outputs = {node.name: node.shape for node in session.get_outputs()}
    name = "logits" if "logits" in outputs else next(iter(outputs))
    if len(outputs[name]) != 3:
        raise ArtifactError(f"the graph gives {name} with {len(outputs[name])} axes; a masked LM gives logits[b, s, V]")
    return name
