"""Operations of matrix products, counted from the shapes in ONNX Runtime's profile, and the table of a profile.

A multiplication and the addition after it are two operations. Additions of biases, activation functions, normalizations
and softmax are not counted: they keep a graph below the peak of its products.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

# Rows times weights: the profiler leaves out weights that were packed beforehand, so the rows and the result must do.
_PRODUCTS = {
    "DynamicQuantizeMatMul", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger", "MatMulIntegerToFloat",
    "MatMulNBits", "QGemm", "QLinearMatMul",
}  # fmt: skip
_ATTENTIONS = {"Attention", "MultiHeadAttention"}
_SUSPECTS = ("MatMul", "Gemm", "Attention", "Conv", "Einsum", "LSTM", "GRU")
_INTEGERS = {"uint8", "int8"}


class UncountedError(Exception):
    """The operations of a node that multiplies cannot be counted."""


def operations(node: dict[str, Any]) -> int:
    """Of one execution of a node.

    Args:
        node: ``args`` of a kernel's event in the profile.

    Raises:
        UncountedError: It is a product of a kind that is not counted here.
    """
    kind = node["op_name"]
    inputs, outputs = ([_shape(each) for each in node[f"{side}_type_shape"]] for side in ("input", "output"))
    if kind in _PRODUCTS:
        return 2 * math.prod(inputs[0]) * outputs[0][-1]
    if kind in _ATTENTIONS:
        queries, keys, values = _attended(kind, inputs)
        return 2 * math.prod(queries) * keys[-2] + 2 * math.prod(outputs[0]) * values[-2]
    if any(word in kind for word in _SUSPECTS):
        raise UncountedError(
            f"{kind} multiplies matrices, and benchmarks/measures/products.py does not count it; add it"
        )
    return 0


def count(events: Iterable[dict[str, Any]], runs: int) -> dict[str, int]:
    """Operations of one run: ``int8``, of products whose rows are integers, and ``fp32``, of the others."""
    counted = {"int8": 0, "fp32": 0}
    for event in _kernels(events):
        (dtype,) = event["args"]["input_type_shape"][0] if event["args"]["input_type_shape"] else ("",)
        counted["int8" if dtype in _INTEGERS else "fp32"] += operations(event["args"])
    return {name: number // runs for name, number in counted.items()}


def table(events: Iterable[dict[str, Any]], runs: int) -> list[dict[str, Any]]:
    """The time of a run: one row for each type of node, the longest first.

    Returns:
        Of each ``op``, ``nodes`` in a run, ``ms`` in a run, ``share`` of all nodes, and ``gops``, operations a
        nanosecond, where they are counted.
    """
    spent: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for event in _kernels(events):
        row = spent[event["args"]["op_name"]]
        for index, value in enumerate((1, event["dur"], operations(event["args"]))):
            row[index] += value
    whole = sum(microseconds for _, microseconds, _ in spent.values())
    rows = [
        {
            "op": op,
            "nodes": nodes // runs,
            "ms": microseconds / runs / 1e3,
            "share": microseconds / whole,
            "gops": products / microseconds / 1e3 if products and microseconds else None,
        }
        for op, (nodes, microseconds, products) in spent.items()
    ]
    return sorted(rows, key=lambda row: -float(row["ms"] or 0))


def _kernels(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]


def _attended(kind: str, inputs: list[list[int]]) -> list[list[int]]:
    """Shapes of the queries, keys and values, each ``[…, tokens, size]``."""
    if len(inputs) < 3 or not len(inputs[0]) == len(inputs[1]) == len(inputs[2]) >= 3:
        raise UncountedError(f"{kind} with inputs of shapes {inputs} is not counted; queries, keys and values are")
    return inputs[:3]


def _shape(typed: dict[str, list[int]]) -> list[int]:
    (shape,) = typed.values()
    return shape
