"""Which operators are tokenwise: each token of the output depends on that token of the inputs alone.

For an output with tokens along ``axis``, a rule returns the inputs that hold the same tokens, and their token axis. All
other inputs are used unchanged. None means that the operator is not tokenwise, or not known to be.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from fillmask_export.passes.graph import array_of
from fillmask_export.shapes import Dim, Shapes

_ELEMENTWISE = {
    "Abs", "Add", "And", "Cast", "Clip", "Cos", "Div", "Equal", "Erf", "Exp", "Gelu", "Greater", "Identity", "Less",
    "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Relu", "Sigmoid", "Sin", "Sqrt", "Sub",
    "Tanh", "Where",
}  # fmt: skip

Rule = Callable[[ir.Node, int, Shapes], dict[int, int] | None]


def token_inputs(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """The inputs of a node that hold the tokens of its output, with their token axis.

    Args:
        node: A node whose first output has tokens along ``axis``.
        axis: The token axis, counted from the front.
        shapes: The shapes of all tensors.

    Returns:
        ``{input index: axis}``, or None where the node's output at one token depends on others.
    """
    shape = shapes.get(str(node.outputs[0].name))
    if shape is None or shape[axis] != "s" or any(value.uses() for value in node.outputs[1:]):
        return None
    rule = _elementwise if node.op_type in _ELEMENTWISE else _RULES.get(node.op_type)
    return rule(node, axis, shapes) if rule else None


def _elementwise(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    rank = len(shapes[str(node.outputs[0].name)])
    inputs = {}
    for index, value in enumerate(node.inputs):
        if value is None:
            continue
        shape = _shape(value, shapes)
        if shape is None:
            return None
        own = axis - (rank - len(shape))  # broadcasting aligns shapes at their ends
        if own >= 0 and shape[own] == "s" and len(shape) == rank:
            inputs[index] = own
        elif own >= 0 and shape[own] != 1:
            return None
    return inputs


def _expand(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """Expand: the pass replaces its target, for which all sizes must be known."""
    shape, target = _shape(node.inputs[0], shapes), shapes[str(node.outputs[0].name)]
    if shape is None or None in target:
        return None
    own = axis - (len(target) - len(shape))
    if own < 0 or shape[own] == 1:
        return {}
    return {0: own} if shape[own] == "s" and len(shape) == len(target) else None


def _along_last(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """LayerNormalization mixes every axis from its attribute ``axis`` on, Softmax that one axis."""
    rank = len(shapes[str(node.outputs[0].name)])
    own = node.attributes["axis"].as_int() if "axis" in node.attributes else -1
    return {0: axis} if axis < own % rank else None


def _attention(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """Each row of the result belongs to one query; keys and values are needed whole."""
    mask = _shape(node.inputs[3], shapes) if len(node.inputs) > 3 else None
    if axis != len(shapes[str(node.outputs[0].name)]) - 2:
        return None
    return {0: axis, 3: 2} if mask is not None else {0: axis}


def _reduce(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    keepdims = node.attributes["keepdims"].as_int() if "keepdims" in node.attributes else 1
    axes = array_of(node.inputs[1]) if len(node.inputs) > 1 else None
    if axes is None or not keepdims:
        return None
    rank = len(shapes[str(node.outputs[0].name)])
    return None if {0, axis} & {int(own) % rank for own in axes} else {0: axis}


def _matmul(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """Each row of a product depends on that row of its left side."""
    shape, left = shapes[str(node.outputs[0].name)], _shape(node.inputs[0], shapes)
    if left is None or axis != len(shape) - 2 or len(left) != len(shape) or left[-2] != "s":
        return None
    return {0: axis}


def _conv(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """A convolution with a kernel of one token, which is a product."""
    weight = array_of(node.inputs[1])
    return {0: axis} if axis > 1 and weight is not None and set(weight.shape[2:]) == {1} and _plain(node) else None


def _plain(node: ir.Node) -> bool:
    """Whether a convolution has neither strides nor padding."""
    strides, pads = (node.attributes[name].as_ints() if name in node.attributes else [] for name in ("strides", "pads"))
    return set(strides) <= {1} and set(pads) <= {0}


def _transpose(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    rank = len(shapes[str(node.outputs[0].name)])
    return {0: node.attributes["perm"].as_ints()[axis] if "perm" in node.attributes else rank - 1 - axis}


def _reshape(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    """A Reshape that keeps every axis up to the tokens, with constant sizes behind them."""
    before, after = _shape(node.inputs[0], shapes), shapes[str(node.outputs[0].name)]
    if before is None or before[: axis + 1] != after[: axis + 1]:
        return None
    return {0: axis} if all(isinstance(dim, int) for dim in after[axis + 1 :]) else None


def _concat(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    own = node.attributes["axis"].as_int() % len(shapes[str(node.outputs[0].name)])
    return None if own == axis else dict.fromkeys(range(len(node.inputs)), axis)


def _slice(node: ir.Node, axis: int, shapes: Shapes) -> dict[int, int] | None:
    axes = array_of(node.inputs[3]) if len(node.inputs) > 3 else None
    rank = len(shapes[str(node.outputs[0].name)])
    return None if axes is None or axis in [int(own) % rank for own in axes] else {0: axis}


def _shape(value: ir.Value | None, shapes: Shapes) -> tuple[Dim, ...] | None:
    array = array_of(value)
    if array is not None:
        return array.shape
    return shapes.get(str(value.name)) if value is not None else None


_RULES: dict[str, Rule] = {
    "Attention": _attention,
    "Concat": _concat,
    "Conv": _conv,
    "Expand": _expand,
    "LayerNormalization": _along_last,
    "MatMul": _matmul,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "Reshape": _reshape,
    "Slice": _slice,
    "Softmax": _along_last,
    "Transpose": _transpose,
}
