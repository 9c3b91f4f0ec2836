"""Put the factor of GELU last, where ONNX Runtime's fusion expects it.

``torch.export`` writes x · (0.5 · (1 + erf(x / √2))), which no fusion of ONNX Runtime knows: 12 texts of 12 tokens took
MiniLM in int8 1.16 of the time. Halving is exact, so (x · (1 + erf(x / √2))) · 0.5 has the same bits.
"""

from __future__ import annotations

import onnx_ir as ir

from fillmask_export.passes.graph import array_of, insert, replace, tidy


def order_gelus(model: ir.Model) -> str:
    """Multiply by 0.5 after the other product, in place.

    Returns:
        How many of the GELUs were reordered.
    """
    nodes = [node for node in model.graph if node.op_type == "Erf"]
    found = [half for node in nodes if (half := _half_of(node)) is not None]
    for half in found:
        _reorder(model, half)
    tidy(model)
    return f"{len(found)} of {len(nodes)}"


def _half_of(erf: ir.Node) -> ir.Node | None:
    """The product of 0.5 and 1 + erf, if the tensor whose erf it is is multiplied by it."""
    scaled = erf.inputs[0].producer() if erf.inputs[0] is not None else None
    add = _only_user(erf, "Add")
    half = _only_user(add, "Mul") if add is not None else None
    last = _only_user(half, "Mul") if half is not None else None
    if scaled is None or half is None or last is None or _factor(half) is None:
        return None
    return half if scaled.inputs[0] in last.inputs else None


def _reorder(model: ir.Model, half: ir.Node) -> None:
    last, factor = _only_user(half, "Mul"), _factor(half)
    assert last is not None
    argument = next(value for value in last.inputs if value is not half.outputs[0])
    whole = next(value for value in half.inputs if value is not factor)
    product = insert(model, "Mul", [argument, whole])
    result = insert(model, "Mul", [product, factor])
    for value in (product, result):
        value.type, value.shape = last.outputs[0].type, last.outputs[0].shape
    replace(model, last.outputs[0], result)


def _factor(half: ir.Node) -> ir.Value | None:
    """The input of a product that is 0.5."""
    for value in half.inputs:
        array = array_of(value)
        if array is not None and array.size == 1 and array.item() == 0.5:
            return value
    return None


def _only_user(node: ir.Node, op_type: str) -> ir.Node | None:
    users = [user for user, _ in node.outputs[0].uses()]
    return users[0] if len(users) == 1 and users[0].op_type == op_type else None
