"""Ask for sizes where they are known: at the inputs.

A traced graph asks a tensor deep inside it for its shape, to expand a mask to that of the attention's scores, say, or
to cut a projection in two halves. The answer is a constant or a size of ``input_ids``, and as long as the tensor is
asked, the whole of it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.shapes import Dim, Shapes


def fix_sizes(model: ir.Model, shapes: Shapes) -> str:
    """Replace questions for the shape of a computed tensor by constants and sizes of ``input_ids``.

    Returns:
        How many were replaced, of how many.
    """
    (ids,) = (value for value in model.graph.inputs if value.name == "input_ids")
    nodes = [node for node in model.graph if node.op_type == "Shape" and node.inputs[0].producer()]  # type: ignore[union-attr]
    fixed = 0
    for node in nodes:
        dims = _asked(node, shapes)
        if dims is not None and None not in dims:
            for user, _ in tuple(node.outputs[0].uses()):
                _fix_chosen(model, user, dims)
            if node.outputs[0].uses():
                replace(model, node.outputs[0], sizes(model, dims, {"b": (ids, 0), "s": (ids, 1)}))
            fixed += 1
    tidy(model)
    return f"{fixed} of {len(nodes)}"


def sizes(model: ir.Model, dims: Sequence[Dim], origins: Mapping[str, tuple[ir.Value, int]]) -> ir.Value:
    """A vector of sizes, which the graph computes where it must.

    Args:
        model: Gets the nodes.
        dims: Numbers, and names of sizes.
        origins: For each name a tensor and the axis of it that has this size.
    """
    parts: list[ir.Value | None] = []
    for dim in dims:
        if isinstance(dim, int):
            parts.append(constant(model, f"size_{dim}", np.array([dim], dtype=np.int64)))
        else:
            tensor, axis = origins[str(dim)]
            parts.append(insert(model, "Shape", [tensor], start=axis, end=axis + 1))
    return insert(model, "Concat", parts, axis=0)


def _asked(node: ir.Node, shapes: Shapes) -> tuple[Dim, ...] | None:
    shape = shapes.get(str(node.inputs[0].name)) if node.inputs[0] else None
    start, end = (node.attributes[name].as_int() if name in node.attributes else None for name in ("start", "end"))
    return None if shape is None else shape[start:end]


def _fix_chosen(model: ir.Model, user: ir.Node, dims: Sequence[Dim]) -> None:
    """Make a size that is picked out of a shape a constant, where it is one."""
    index = array_of(user.inputs[1]) if user.op_type == "Gather" else None
    if index is None:
        return
    chosen = [dims[int(each)] for each in index.flat]
    if all(isinstance(dim, int) for dim in chosen):
        array = np.array(chosen, dtype=np.int64).reshape(index.shape)
        name = "chosen_" + "_".join(map(str, chosen)) + ("" if index.shape else "_scalar")
        replace(model, user.outputs[0], constant(model, name, array))
        model.graph.remove(user, safe=True)
