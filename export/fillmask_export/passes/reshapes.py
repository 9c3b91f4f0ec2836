"""Give each Reshape a constant target.

A traced model computes ``[batch, length, heads, size]`` in each layer with ten nodes of Shape, Gather, Unsqueeze and
Concat. ``[0, 0, heads, size]`` means the same, and later passes can read it.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, tidy
from fillmask_export.shapes import Dim, Shapes


def fix_reshapes(model: ir.Model, shapes: Shapes) -> str:
    """Replace computed targets by constants where the shapes allow it, in place.

    Returns:
        How many of the computed targets were replaced.
    """
    nodes = [node for node in model.graph if node.op_type == "Reshape" and array_of(node.inputs[1]) is None]
    fixed = 0
    for node in nodes:
        before, after = (shapes.get(str(value.name)) for value in (node.inputs[0], node.outputs[0]) if value)
        target = reshape_target(before, after)
        if target is not None:
            name = "reshape_to_" + "_".join(map(str, target))
            node.replace_input_with(1, constant(model, name, np.array(target, dtype=np.int64)))
            node.attributes.pop("allowzero", None)  # so that 0 keeps a dimension
            fixed += 1
    tidy(model)
    return f"{fixed} of {len(nodes)}"


def reshape_target(before: tuple[Dim, ...] | None, after: tuple[Dim, ...] | None) -> list[int] | None:
    """A constant target for a Reshape: 0 for each kept dimension, at most one -1, else constants.

    Example: ``reshape_target(("b", "s", 384), ("b", "s", 12, 32))`` is ``[0, 0, 12, 32]``.
    """
    if before is None or after is None:
        return None
    target = []
    for axis, dim in enumerate(after):
        kept = isinstance(dim, str) and before[: axis + 1] == after[: axis + 1]
        target.append(0 if kept else dim if isinstance(dim, int) else -1)
    return target if target.count(-1) <= 1 else None
