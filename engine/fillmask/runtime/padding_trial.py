"""Whether padding leaves every bit of an attention as it is on this machine.

int8 rounds the results of attention to integers. Where padding changes the last digit of a result, the score of one
text in thousands differs by 3e-3. Kernels decide that. On x86 ONNX Runtime adds products in the order of the tokens if
there are two queries or more, and padding adds zeros. On an Arm CPU without dot products it does not.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

# An Attention of opset 23 with two heads, made by tests/support/attention.py.
GRAPH = Path(__file__).with_name("attention.onnx")
_SIZES = (64, 128)  # two heads of 32 and of 64 channels
_LENGTHS = (5, 6, 7, 9, 23, 34)
_PADDING = (1, 2, 3, 14)
_LOWEST = np.finfo(np.float32).min


@cache
def padding_keeps_bits() -> bool:
    """Run small attentions alone and padded, once for a process; it takes a few milliseconds."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(GRAPH.read_bytes(), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    return all(
        _keeps_bits(session, rng.standard_normal((length, size)).astype(np.float32), queries)
        for size in _SIZES
        for length in _LENGTHS
        for queries in (2, length)
    )


def _keeps_bits(session: ort.InferenceSession, tokens: NDArray[np.float32], queries: int) -> bool:
    alone = _attend(session, tokens, queries, 0)
    return all(np.array_equal(_attend(session, tokens, queries, padding), alone) for padding in _PADDING)


def _attend(
    session: ort.InferenceSession, tokens: NDArray[np.float32], queries: int, padding: int
) -> NDArray[np.float32]:
    """The first queries over tokens ``float32[s, h]`` and padding; if all tokens are queries, padding is too."""
    padded = np.concatenate([tokens, np.ones((padding, tokens.shape[1]), np.float32)])[None]
    chosen = padded if queries == len(tokens) else padded[:, :queries]
    mask = np.zeros((1, 1, chosen.shape[1], padded.shape[1]), np.float32)
    mask[..., len(tokens) :] = _LOWEST
    result: NDArray[np.float32] = session.run(None, {"q": chosen, "k": padded, "v": padded, "mask": mask})[0]
    return result[0, :queries]
