"""Name the axes of each Squeeze.

``torch.export`` writes PyTorch's ``squeeze()`` as a Squeeze without axes, which at one text removes the axis of the
texts too. mBART has one.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import constant


def name_squeezed_axes(model: ir.Model) -> str:
    """Give each Squeeze without axes those that have size 1 whatever the texts, in place.

    Returns:
        How many of the Squeezes got axes.
    """
    nodes = [node for node in model.graph if node.op_type == "Squeeze"]
    found = [(node, axes) for node in nodes if (axes := _axes(node))]
    for node, axes in found:
        name = "squeezed_" + "_".join(map(str, axes))
        node.resize_inputs(2)
        node.replace_input_with(1, constant(model, name, np.array(axes, dtype=np.int64)))
    return f"{len(found)} of {len(nodes)}"


def _axes(node: ir.Node) -> list[int]:
    """Of a Squeeze that names none, the axes of size 1; none where the shape is not known."""
    named = len(node.inputs) > 1 and node.inputs[1] is not None
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    return [] if named or shape is None else [axis for axis, size in enumerate(shape) if size == 1]
