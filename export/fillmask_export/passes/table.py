"""Store a tied table once.

The word embeddings and the LM head share one table. A traced graph holds it twice, the second time transposed.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, insert, replace, tidy


def tie_table(model: ir.Model) -> str:
    """Make the LM head read the embedding table, with a MatMul that transposes it, in place.

    Returns:
        A description for the manifest.
    """
    tables = {node.inputs[0] for node in model.graph if node.op_type == "Gather" and _is_table(node.inputs[0])}
    for node in list(model.graph):
        if node.op_type == "MatMul" and (table := _same_table(node.inputs[1], tables)) is not None:
            product = insert(model, "com.microsoft.FusedMatMul", [node.inputs[0], table], transB=1)
            replace(model, node.outputs[0], product)
            tidy(model)
            return "kept once"
    return "not tied: no product with the transposed embedding table"


def _is_table(value: ir.Value | None) -> bool:
    return value is not None and value.const_value is not None and len(value.const_value.shape) == 2


def _same_table(weight: ir.Value | None, tables: set[ir.Value | None]) -> ir.Value | None:
    """The table whose transpose equals a weight, to the last bit."""
    array = array_of(weight)
    for table in tables:
        other = array_of(table)
        if array is not None and array.ndim == 2 and other is not None and np.array_equal(array.T, other):
            return table
    return None
