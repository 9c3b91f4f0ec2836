"""Replace shapes of inner tensors by constants and by sizes of ``input_ids``.

A traced graph reads the shape of inner tensors, for example to expand a mask to the shape of the attention's scores or
to split a projection in two halves. The result is a constant or a size of ``input_ids``. As long as a node reads the
shape of a tensor, all of that tensor must be computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.shapes import Dim, Shapes


def make_shapes_constant(model: ir.Model, shapes: Shapes) -> str:
    """Replace Shape nodes of computed tensors by constants and sizes of ``input_ids``, in place.

    Returns:
        How many of these Shape nodes were replaced.
    """
    (ids,) = (value for value in model.graph.inputs if value.name == "input_ids")
    nodes = [node for node in model.graph if node.op_type == "Shape" and node.inputs[0].producer()]  # type: ignore[union-attr]
    fixed = 0
    for node in nodes:
        dims = _requested_dims(node, shapes)
        if dims is not None and None not in dims:
            for user, _ in tuple(node.outputs[0].uses()):
                _fix_chosen(model, user, dims)
            if node.outputs[0].uses():
                replace(model, node.outputs[0], shape_vector(model, dims, {"b": (ids, 0), "s": (ids, 1)}))
            fixed += 1
    tidy(model)
    return f"{fixed} of {len(nodes)}"


def shape_vector(model: ir.Model, dims: Sequence[Dim], origins: Mapping[str, tuple[ir.Value, int]]) -> ir.Value:
    """A vector of sizes ``int64[n]``; constants where the sizes are known.

    Args:
        model: Receives the nodes.
        dims: Sizes, and names of sizes.
        origins: For each name a tensor and its axis of that size.
    """
    parts: list[ir.Value | None] = []
    for dim in dims:
        if isinstance(dim, int):
            parts.append(constant(model, f"size_{dim}", np.array([dim], dtype=np.int64)))
        else:
            tensor, axis = origins[str(dim)]
            parts.append(insert(model, "Shape", [tensor], start=axis, end=axis + 1))
    return insert(model, "Concat", parts, axis=0)


def _requested_dims(node: ir.Node, shapes: Shapes) -> tuple[Dim, ...] | None:
    shape = shapes.get(str(node.inputs[0].name)) if node.inputs[0] else None
    start, end = (node.attributes[name].as_int() if name in node.attributes else None for name in ("start", "end"))
    return None if shape is None else shape[start:end]


def _fix_chosen(model: ir.Model, user: ir.Node, dims: Sequence[Dim]) -> None:
    """Replace a Gather of constant sizes from the shape by a constant."""
    index = array_of(user.inputs[1]) if user.op_type == "Gather" else None
    if index is None:
        return
    chosen = [dims[int(each)] for each in index.flat]
    if all(isinstance(dim, int) for dim in chosen):
        array = np.array(chosen, dtype=np.int64).reshape(index.shape)
        name = "chosen_" + "_".join(map(str, chosen)) + ("" if index.shape else "_scalar")
        replace(model, user.outputs[0], constant(model, name, array))
        model.graph.remove(user, safe=True)
