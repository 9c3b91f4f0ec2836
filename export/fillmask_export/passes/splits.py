"""Read the parts of a tensor by slices.

``torch.export`` leaves a Split where a gated MLP halves a product. A later pass moves the rows at the masks up through
operators with one output, and a Slice is one.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import constant, insert, replace, tidy
from fillmask_export.shapes import Shapes


def slice_splits(model: ir.Model, shapes: Shapes) -> str:
    """Replace each Split into parts of known sizes by a Slice a part, in place.

    Args:
        model: The traced graph.
        shapes: The shapes of all tensors; those of new tensors are added.

    Returns:
        How many of the Split nodes were replaced.
    """
    nodes = [node for node in model.graph if node.op_type == "Split"]
    sliced = sum(_slice(model, node, shapes) for node in nodes)
    tidy(model)
    return f"{sliced} of {len(nodes)}"


def _slice(model: ir.Model, node: ir.Node, shapes: Shapes) -> bool:
    parts = [shapes.get(str(value.name)) for value in node.outputs]
    given = node.attributes["axis"].as_int() if "axis" in node.attributes else 0
    axis = given % len(parts[0] or (0,))
    sizes = [part[axis] if part is not None else None for part in parts]
    if not all(isinstance(size, int) for size in sizes):
        return False
    start = 0
    for value, part, size in zip(node.outputs, parts, sizes, strict=True):
        assert isinstance(size, int) and part is not None  # noqa: PT018 -- checked above
        bounds = (("from", start), ("to", start + size), ("axis", axis))
        operands = [constant(model, f"slice_{name}_{each}", np.array([each], dtype=np.int64)) for name, each in bounds]
        name = f"{value.name}/slice"
        replace(model, value, insert(model, "Slice", [node.inputs[0], *operands], name=name))
        shapes[name] = part
        start += size
    return True
