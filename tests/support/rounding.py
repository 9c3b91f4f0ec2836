"""How far two float32 computations of the same tensor may differ on any CPU.

Each of n additions rounds its partial sum by at most 2^-24 of it. The errors have either sign, so that the sum of n
of them stays below ``4 · √n · 2^-24`` of the largest partial sum (Higham & Mary 2019, *A New Approach to Probabilistic
Rounding Error Analysis*, theorem 2.4, with λ = 4). Order of addition and fused multiply-add do not matter to this
bound. Two computations differ by at most twice as much. A sum also carries the relative errors of what it reads, so
that along a path through a graph the n of all sums add up.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of
from tests.support.graphs import run_all

EPSILON = float(np.finfo(np.float32).eps)  # 2^-23
SCORES = 1e-5  # what fillmask promises of fp32 scores on every CPU
_CONFIDENCE = 4
# Errors move values by about the spread of a tensor: a dropped term, factor or mask, or the row of another token.
_DISTINCT = 1000


def rounding_bound(terms: int, size: float) -> float:
    """The largest difference that rounding explains.

    Args:
        terms: How many additions and other roundings lie one behind the other.
        size: The largest absolute value of the result, which partial sums do not exceed.
    """
    return _CONFIDENCE * sqrt(terms) * EPSILON * size


def graph_bound(model: ir.Model, feeds: dict[str, np.ndarray], name: str = "logits") -> float:
    """The same for a tensor of a graph, from the sizes of its tensors while it runs on the feeds."""
    arrays = feeds | run_all(model, feeds)
    return rounding_bound(_terms_by_name(model, arrays)[name], float(np.abs(arrays[name]).max()))


def count_terms(model: ir.Model, feeds: dict[str, np.ndarray], name: str) -> int:
    """How many terms are added up on the longest path from the feeds to a tensor of a graph."""
    return _terms_by_name(model, feeds | run_all(model, feeds))[name]


def assert_rounded_alike(found: np.ndarray, expected: np.ndarray, bound: float) -> None:
    """Two computations agree up to rounding, by a bound that errors exceed."""
    assert bound * _DISTINCT <= np.ptp(expected), f"{bound} is too wide to show an error among values of this spread"
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def _terms_by_name(model: ir.Model, arrays: dict[str, np.ndarray]) -> dict[str, int]:
    terms: dict[str, int] = {}
    for node in model.graph:
        read = max((terms.get(str(value.name), 0) for value in node.inputs if value is not None), default=0)
        terms |= dict.fromkeys((str(value.name) for value in node.outputs), read + _terms(node, arrays))
    return terms


def _terms(node: ir.Node, arrays: dict[str, np.ndarray]) -> int:
    """How many terms an operator adds up for one element of its output; 1 for an elementwise operator."""
    left = _array(node.inputs[0], arrays) if node.inputs else None
    if left is None or not left.ndim:
        return 1
    if node.op_type.startswith("Reduce"):
        return left.size // max(1, arrays[str(node.outputs[0].name)].size)
    if node.op_type == "Conv":
        kernel = array_of(node.inputs[1])
        return kernel[0].size if kernel is not None else 1
    width = left.shape[-1]
    keys = _array(node.inputs[1], arrays) if node.op_type == "Attention" else None
    return {
        "MatMul": width,
        "FusedMatMul": width,
        "Softmax": width,
        "LayerNormalization": 2 * width,  # a mean and a variance
        "Attention": width + 2 * (0 if keys is None else keys.shape[-2]),  # scores, then sums of shares and of values
        "CumSum": max(left.shape),
    }.get(node.op_type, 1)


def _array(value: ir.Value | None, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    known = arrays.get(str(value.name)) if value is not None else None
    return known if known is not None else array_of(value)
