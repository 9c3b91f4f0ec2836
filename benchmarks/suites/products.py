"""Operations of matrix products, counted from the shapes in ONNX Runtime's profile, and the table of a profile.

A multiplication and the addition after it are two operations. Additions of biases, activation functions, normalizations
and softmax are not counted: they keep a graph below the peak of its products.
"""

from __future__ import annotations

import math
import statistics
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
    inputs: list[list[int]] = [shape for typed in node["input_type_shape"] for shape in typed.values()]
    outputs: list[list[int]] = [shape for typed in node["output_type_shape"] for shape in typed.values()]
    if kind in _PRODUCTS:
        return 2 * math.prod(inputs[0]) * outputs[0][-1]
    if kind in _ATTENTIONS and len(inputs) >= 3 and len(inputs[0]) == len(inputs[1]) == len(inputs[2]) >= 3:
        queries, keys, values = inputs[:3]  # each [..., tokens, size]
        return 2 * math.prod(queries) * keys[-2] + 2 * math.prod(outputs[0]) * values[-2]
    if any(word in kind for word in _SUSPECTS):
        raise UncountedError(
            f"{kind} of {inputs} multiplies matrices, and benchmarks/suites/products.py does not count it; add it"
        )
    return 0


def count(events: Iterable[dict[str, Any]], runs: int) -> int:
    """Operations of one run."""
    return sum(operations(node) for node, _ in _kernels(events)) // runs


def table(events: Iterable[dict[str, Any]], runs: int) -> list[dict[str, Any]]:
    """The time of a run: one row for each type of node, the longest first. Times are medians of the runs.

    Returns:
        Of each ``op``, ``nodes`` in a run, ``ms`` in a run, ``share`` of all nodes, and ``gops``, operations a
        nanosecond, where they are counted.
    """
    spent: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for node, microseconds in _kernels(events):
        spent[node["op_name"]].append((microseconds, operations(node)))
    medians = {op: _median_run(nodes, runs) for op, nodes in spent.items()}
    whole = sum(microseconds for microseconds, _ in medians.values())
    return [
        {
            "op": op,
            "nodes": len(spent[op]) // runs,
            "ms": microseconds / 1e3,
            "share": microseconds / whole,
            "gops": products / microseconds / 1e3 if products and microseconds else None,
        }
        for op, (microseconds, products) in sorted(medians.items(), key=lambda each: -each[1][0])
    ]


def _median_run(nodes: list[tuple[int, int]], runs: int) -> tuple[float, float]:
    """Microseconds and operations of a run, of nodes in the order of the runs."""
    size = len(nodes) // runs
    spent = [
        sum(microseconds for microseconds, _ in nodes[start : start + size]) for start in range(0, len(nodes), size)
    ]
    return statistics.median(spent), sum(products for _, products in nodes) / runs


def _kernels(events: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """The nodes that ran, with their microseconds; the time of an If is that of the nodes of its branch."""
    return [(event["args"], event["dur"]) for event in events
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
            and event["args"]["op_name"] != "If"]  # fmt: skip
