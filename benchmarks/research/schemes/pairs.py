"""Whether int8 weights can overflow on x86 without VNNI, which adds two products at a time in saturating int16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray


def fit(weights: NDArray[np.int8]) -> bool:
    """Whether 255 times the weights of one sign of any two neighbors stays within int16; ``int8[K, N]``."""
    padded = np.concatenate([weights, np.zeros((len(weights) % 2, weights.shape[1]))]).astype(np.int32)
    pairs = padded.reshape(-1, 2, weights.shape[1])
    highest, lowest = np.clip(pairs, 0, None).sum(axis=1), np.clip(pairs, None, 0).sum(axis=1)
    return bool(255 * highest.max(initial=0) <= 32767 and 255 * lowest.min(initial=0) >= -32768)


def pairs_fit(path: Path) -> bool:
    """Whether no pair of neighbors in a graph's int8 weights can overflow.

    Embedding tables do not count: they are looked up, not multiplied.
    """
    model = ir.load(path)
    return all(fit(value.const_value.numpy()) for value in _multiplied(model) if value.const_value is not None)


def _multiplied(model: ir.Model) -> list[ir.Value]:
    """The int8 matrices that a node other than Gather uses."""
    integers = [value for value in model.graph.initializers.values() if value.dtype == ir.DataType.INT8]
    matrices = [value for value in integers if value.shape is not None and len(value.shape) == 2]
    return [value for value in matrices if any(node.op_type != "Gather" for node, _ in value.uses())]
