"""Drop the input ``token_type_ids``: all tokens of a fill-mask input have type 0."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, replace, tidy


def drop_token_types(model: ir.Model) -> str:
    """Replace the lookup of token types by row 0 of their table.

    Returns:
        A description for the manifest.
    """
    value = next((value for value in model.graph.inputs if value.name == "token_type_ids"), None)
    if value is None:
        return "not there"
    (ids,) = (each for each in model.graph.inputs if each.name == "input_ids")
    for node, index in tuple(value.uses()):
        if node.op_type == "Shape":
            node.replace_input_with(index, ids)
            continue
        table = array_of(node.inputs[0]) if node.op_type == "Gather" else None
        if table is None:
            return f"left in place: {node.op_type} reads it"
        row = constant(model, f"{node.outputs[0].name}/type_0", np.ascontiguousarray(table[0]))
        replace(model, node.outputs[0], row)
    model.graph.inputs.remove(value)
    tidy(model)
    return "dropped"
