"""The control: a model whose predictions must differ where pairs of products overflow.

It is the embedded model with its weights rounded again to the full range of int8, regardless of neighbors. Without such
a model the check could not fail.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask.artifact.folder import EMBEDDED

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json")
_PRODUCT = "MatMulIntegerToFloat"


def write_full_range(folder: Path) -> Path:
    """Write the model.

    Returns:
        The folder.

    Raises:
        ValueError: The embedded model has no int8 products to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = ir.external_data.load_to_model(ir.load(EMBEDDED / "model_int8.onnx"))
    products = [node for node in model.graph if node.op_type == _PRODUCT]
    if not products:
        raise ValueError(f"the embedded model has no {_PRODUCT}; its weights are found by that operator")
    for node in products:
        _round_again(node.inputs[1], node.inputs[3])
    ir.save(model, folder / "model.onnx")
    for name in _TOKENIZER_FILES:
        shutil.copy(EMBEDDED / name, folder)
    return folder


def full_range(weights: NDArray[np.int8], scale: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The same weights as closely, with a largest one of 127 in each column; ``int8[K, N]``, ``float32[N]``."""
    factor = 127 / np.maximum(np.abs(weights.astype(np.float64)).max(axis=0), 1)
    return np.round(weights * factor).astype(np.int8), (scale / factor).astype(np.float32)


def fit(weights: NDArray[np.int8]) -> bool:
    """Whether 255 times the weights of one sign of any two neighbors stays within int16; ``int8[K, N]``."""
    padded = np.concatenate([weights, np.zeros((len(weights) % 2, weights.shape[1]))]).astype(np.int32)
    pairs = padded.reshape(-1, 2, weights.shape[1])
    highest, lowest = np.clip(pairs, 0, None).sum(axis=1), np.clip(pairs, None, 0).sum(axis=1)
    return bool(255 * highest.max(initial=0) <= 32767 and 255 * lowest.min(initial=0) >= -32768)


def _round_again(weights: ir.Value | None, scale: ir.Value | None) -> None:
    assert weights is not None
    assert scale is not None
    assert weights.const_value is not None
    assert scale.const_value is not None
    integers, steps = full_range(weights.const_value.numpy(), scale.const_value.numpy())
    weights.const_value = ir.tensor(integers, name=weights.name)
    scale.const_value = ir.tensor(steps, name=scale.name)
