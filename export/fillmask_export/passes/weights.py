"""Store weights as they are read.

``torch.export`` leaves the Transpose of a large weight in the graph, where it runs with each text.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, replace, tidy


def transpose_weights(model: ir.Model) -> str:
    """Replace each Transpose of a weight by the transposed weight, in place.

    Returns:
        How many of the Transpose nodes were replaced.
    """
    nodes = [node for node in model.graph if node.op_type == "Transpose"]
    weights = [(node, array) for node in nodes if (array := array_of(node.inputs[0])) is not None]
    for node, array in weights:
        order = node.attributes["perm"].as_ints() if "perm" in node.attributes else None
        weight = constant(model, f"{node.inputs[0].name}/transposed", np.transpose(array, order))  # type: ignore[union-attr]
        replace(model, node.outputs[0], weight)
    tidy(model)
    return f"{len(weights)} of {len(nodes)}"
