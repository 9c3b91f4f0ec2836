"""Run attention at the masks with one query more than there are masks.

For a single query, ONNX Runtime multiplies weights ``[1, s]`` by values ``[s, d]`` with a kernel for vectors. It adds
four products at a time and the last s mod 4 one by one, so that padding changes the order of the sum and its last
digit. int8 rounds the result to integers: at an edge between two of them a score moves by 3e-3 (1 of 3,000 texts beside
padding). For two queries or more it uses the kernel for matrices, in which padding only adds zeros at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import constant, insert
from fillmask_export.shapes import Shapes


def mixes_tokens(node: ir.Node, shapes: Shapes) -> bool:
    """Whether a node adds up over the tokens of a text: an Attention, or the product of its weights and values."""
    if node.op_type == "Attention":
        return True
    values = shapes.get(str(node.inputs[1].name), ()) if node.op_type == "MatMul" and node.inputs[1] else ()
    return len(values) > 2 and values[-2] == "s"


def with_extra_query(
    model: ir.Model, node: ir.Node, inputs: Sequence[ir.Value | None], axes: Mapping[int, int], shapes: Shapes
) -> list[ir.Value | None]:
    """Append a query of zeros to inputs of an attention at the masks.

    Args:
        model: The graph's model.
        node: The attention over all tokens.
        inputs: Its inputs at the masks.
        axes: The axis of the queries in each input that has one.
        shapes: The shapes of the inputs over all tokens.

    Returns:
        The inputs, those with queries one longer.
    """
    return [
        _padded(model, value, axes[index], len(shapes[str(whole.name)]))
        if index in axes and value is not None and whole is not None
        else value
        for index, (value, whole) in enumerate(zip(inputs, node.inputs, strict=True))
    ]


def without_extra_query(model: ir.Model, value: ir.Value, axis: int) -> ir.Value:
    """Drop the last query of a result."""
    bounds = (("first_query", 0), ("extra_query", -1), (f"queries_at_{axis}", axis))
    operands = [constant(model, name, np.array([number], dtype=np.int64)) for name, number in bounds]
    return insert(model, "Slice", [value, *operands])


def attention_behind(value: ir.Value | None) -> ir.Node | None:
    """The Attention whose result a tensor is, with or without the extra query."""
    node = value.producer() if value is not None else None
    if node is not None and node.op_type == "Slice" and str(node.inputs[3].name).startswith("queries_at_"):  # type: ignore[union-attr]
        node = node.inputs[0].producer()  # type: ignore[union-attr]
    return node if node is not None and node.op_type == "Attention" else None


def _padded(model: ir.Model, value: ir.Value, axis: int, rank: int) -> ir.Value:
    pads = np.zeros((2, rank), dtype=np.int64)
    pads[1, axis] = 1
    return insert(model, "Pad", [value, constant(model, f"one_query_more_at_{axis}_of_{rank}", pads.ravel())])
