"""ONNX Runtime: providers, threads, and the contract between the engine and a graph.

A *native* graph takes ``mask_positions int64[b, m]`` and gives ``logits float32[b, m, V]``: its LM head runs only at
these positions. A *foreign* graph gives ``logits[b, s, V]``, and the session takes the rows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.weights_file import WeightsFile
from fillmask.errors import ArtifactError, FillMaskError, ForkError, first_line
from fillmask.runtime.contract import check_inputs, check_output
from fillmask.runtime.opening import check_threads, files_of, open_session
from fillmask.runtime.providers import CPU, Provider, check_providers, count_nodes, device_of, is_gpu
from fillmask.shortcuts import huge_pages

if TYPE_CHECKING:
    from fillmask.runtime.io_binding import BoundRuns

_FLOAT32 = np.dtype(np.float32)


class Session:
    """A graph, loaded and checked.

    Args:
        graph: The model as bytes, or its path.
        weights: The file of the weights of a graph given as bytes; None if the graph holds them.
        providers: Execution providers in order of preference.
        threads: Threads of one run; None takes what the process may use.
        spinning: Whether the threads wait for work in a loop, which starts the next run sooner and takes CPU time from
            what the process computes between runs.

    Attributes:
        ort: ONNX Runtime's session.
        threads: Threads of one run.
        providers: Names of the providers in use.
        on_gpu: Whether the first provider is a GPU's.
        at_masks: Whether the graph takes ``mask_positions``.
        takes_attention_mask: Whether the graph can tell padding from text.
        takes_token_types: Whether the graph takes ``token_type_ids``.
        output: The name of the logits.
        vocab_size: Tokens that the graph scores.
        mappings: Of the process before the graph was loaded, for ``huge_pages.collapse``.

    Raises:
        InputError: ``threads`` is not a number of threads.
        ProviderError: A provider is missing or does not start.
        ArtifactError: The graph is broken, or its inputs and outputs are not those of a masked LM.
    """

    def __init__(
        self,
        graph: bytes | Path,
        *,
        weights: WeightsFile | None = None,
        providers: Sequence[Provider] = (CPU,),
        threads: int | None = None,
        spinning: bool = True,
    ) -> None:
        self.threads = check_threads(threads)
        files = files_of(graph, weights)
        self.mappings, self._runs = huge_pages.read_mappings(), count(1)
        self.ort = open_session(graph, files, check_providers(providers), self.threads, spinning=spinning)
        self._mapped = [file for file in files.values() if not file.path.is_symlink()]
        self.providers: list[str] = self.ort.get_providers()
        self.on_gpu = is_gpu(self.providers[0])
        self._dtypes = check_inputs(self.ort)
        self.output, size = check_output(self.ort)
        self.at_masks = "mask_positions" in self._dtypes
        self.takes_attention_mask = "attention_mask" in self._dtypes
        self.takes_token_types = "token_type_ids" in self._dtypes
        self._narrow = [name for name, dtype in self._dtypes.items() if dtype == "tensor(int32)"]
        self._process = os.getpid()
        self._bound: BoundRuns | None = None
        self.vocab_size = size if isinstance(size, int) else self._scored_tokens()
        device = device_of(self.ort)
        if device is not None and self.at_masks:
            from fillmask.runtime.io_binding import BoundRuns

            self._bound = BoundRuns(self.ort, self.output, self.vocab_size, device)

    def run(
        self,
        input_ids: NDArray[np.int64],
        attention_mask: NDArray[np.int64],
        positions: NDArray[np.int64],
        token_type_ids: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """Run the model. The run releases the GIL, and several threads may call it at the same time.

        Args:
            input_ids: Token ids of ``b`` rows, ``int64[b, s]``.
            attention_mask: 1 for a token and 0 for padding, ``int64[b, s]``.
            positions: Where the logits are read, ``int64[b, m]``.
            token_type_ids: Where the graph takes them, ``int64[b, s]``; None for zeros.

        Returns:
            Logits at these positions, ``float32[b, m, V]``.

        Raises:
            ForkError: This process is a fork of the one that loaded the model.
            FillMaskError: The run fails.
        """
        self.check_process()
        logits = self._logits(input_ids, attention_mask, positions, token_type_ids)
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
        return count_nodes(self.ort)

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

    def _logits(
        self,
        input_ids: NDArray[np.int64],
        attention_mask: NDArray[np.int64],
        positions: NDArray[np.int64],
        token_type_ids: NDArray[np.int64] | None = None,
    ) -> NDArray[np.floating[Any]]:
        feeds = self._feeds(input_ids, attention_mask, positions)
        if self.takes_token_types:
            feeds["token_type_ids"] = np.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        for name in self._narrow:
            feeds[name] = feeds[name].astype(np.int32)
        self.check_weights()  # before a run, which would end the process where a file became shorter
        try:
            if self._bound is not None:
                return self._bound.run(feeds)
            if next(self._runs) == huge_pages.RUNS:
                huge_pages.collapse_in_background(self.mappings)
            logits: NDArray[np.floating[Any]] = self.ort.run([self.output], feeds)[0]
        except Exception as error:
            raise FillMaskError(f"ONNX Runtime failed in a run: {first_line(error)}") from error
        finally:
            self.check_weights()
        return logits

    def check_weights(self) -> None:
        """Refuse results of weights that were changed in place.

        Raises:
            IntegrityError: A file that is mapped was written to.
        """
        for file in self._mapped:
            file.check_unchanged()

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

    def _feeds(
        self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> dict[str, NDArray[Any]]:
        feeds: dict[str, NDArray[Any]] = {"input_ids": input_ids}
        if self.takes_attention_mask:
            feeds["attention_mask"] = attention_mask
        if self.at_masks:
            feeds["mask_positions"] = positions
        return feeds
