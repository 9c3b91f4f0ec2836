"""Drop casts of floats to floats, which appear in traces of models that can also run in half precision."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from fillmask_export.passes.graph import replace, tidy


def drop_casts(model: ir.Model) -> str:
    """Remove each Cast of a tensor to its own type, in place.

    Returns:
        How many of the casts were removed.
    """
    _infer_types(model)
    nodes = [node for node in model.graph if node.op_type == "Cast"]
    idle = [node for node in nodes if node.inputs[0] is not None and node.inputs[0].dtype == _target(node)]
    for node in idle:
        assert node.inputs[0] is not None
        replace(model, node.outputs[0], node.inputs[0])
    tidy(model)
    return f"{len(idle)} of {len(nodes)}"


def _infer_types(model: ir.Model) -> None:
    """Infer types, which ONNX does even where it cannot infer shapes. Later passes change shapes, so drop them."""
    ShapeInferencePass()(model)
    for value in (value for node in model.graph for value in node.outputs):
        if not value.is_graph_output():
            value.shape = None


def _target(node: ir.Node) -> ir.DataType:
    return ir.DataType(node.attributes["to"].as_int())
