"""Runs on a device through reused buffers: only the logits come back to the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
Feeds = Mapping[str, NDArray[Any]]

# Shapes recur: lengths of texts, full batches. The buffers used least recently are freed.
_MAX_KEPT = 32
_MAX_BYTES = 1 << 29


@dataclass(frozen=True, slots=True)
class _Buffers:
    """Inputs and logits of one shape, bound to each other."""

    shapes: Shapes
    inputs: dict[str, ort.OrtValue]
    logits: ort.OrtValue
    binding: ort.IOBinding
    nbytes: int


class BoundRuns:
    """A session's runs through buffers on its device; threads may share it.

    Args:
        session: Of a native graph, which gives ``logits float32[b, m, V]``.
        output: The name of its logits.
        vocab_size: V.
        device: Type and number, as ONNX Runtime names them: ``("cuda", 0)``.
    """

    def __init__(self, session: ort.InferenceSession, output: str, vocab_size: int, device: tuple[str, int]) -> None:
        self._session, self._output, self._vocab_size, self._device = session, output, vocab_size, device
        self._lock = Lock()
        self._kept: list[_Buffers] = []  # not in use, the latest last

    def run(self, feeds: Feeds) -> NDArray[np.float32]:
        """Copy the inputs to the device, run, and copy the logits back.

        Args:
            feeds: ``input_ids[b, s]``, ``mask_positions[b, m]`` and the graph's other inputs.

        Returns:
            Logits ``float32[b, m, V]``, owned by the caller.
        """
        buffers = self._take(feeds) or self._make(feeds)
        for name, array in feeds.items():
            buffers.inputs[name].update_inplace(array)
        self._session.run_with_iobinding(buffers.binding)
        logits: NDArray[np.float32] = buffers.logits.numpy()
        if not logits.flags.owndata:  # a view, if the buffer is in the host's memory
            logits = logits.copy()
        self._keep(buffers)
        return logits

    def _take(self, feeds: Feeds) -> _Buffers | None:
        shapes = _shapes(feeds)
        with self._lock:
            for index in reversed(range(len(self._kept))):
                if self._kept[index].shapes == shapes:
                    return self._kept.pop(index)
        return None

    def _make(self, feeds: Feeds) -> _Buffers:
        # Made empty: a buffer made from an array on the host would share the array's memory.
        place, number = self._device
        empty = partial(ort.OrtValue.ortvalue_from_shape_and_type, device_type=place, device_id=number)
        inputs = {name: empty(array.shape, array.dtype.type) for name, array in feeds.items()}
        logits = empty((*feeds["mask_positions"].shape, self._vocab_size), np.float32)
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output(self._output, logits)
        nbytes = sum(value.tensor_size_in_bytes() for value in (*inputs.values(), logits))
        return _Buffers(_shapes(feeds), inputs, logits, binding, nbytes)

    def _keep(self, buffers: _Buffers) -> None:
        with self._lock:
            self._kept.append(buffers)
            while len(self._kept) > _MAX_KEPT or sum(each.nbytes for each in self._kept) > _MAX_BYTES:
                del self._kept[0]


def _shapes(feeds: Feeds) -> Shapes:
    return tuple((name, array.shape) for name, array in feeds.items())
