"""Whether a graph's products with weights give a row the same bits alone and beside other rows, on every CPU."""

from __future__ import annotations

import onnx_ir as ir

from fillmask_export.passes.graph import array_of

_OF_FLOATS = {"Conv", "ConvTranspose", "Einsum", "FusedMatMul", "Gemm", "MatMul"}


def products_keep_bits(model: ir.Model) -> bool:
    """Whether no product with weights adds floats in an order that depends on the number of rows.

    Sums of integers are exact. Kernels of floats depend on the CPU and on the number of rows. MatMulNBits adds the
    blocks of a row in floats. With 8 bits and the extra row it keeps every bit on the CPUs that were tried
    (docs/int8.md); with 4 bits that was not tried.
    """
    return not any(_adds_floats(node) for node in model.graph)


def _adds_floats(node: ir.Node) -> bool:
    if node.op_type == "MatMulNBits":
        return node.attributes["bits"].as_int() != 8
    return node.op_type in _OF_FLOATS and any(
        array.ndim > 1 for value in node.inputs if (array := array_of(value)) is not None
    )
