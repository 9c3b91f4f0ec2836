"""Change some nodes of a graph to float16, with casts between them and the other nodes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, insert, replace_output, tidy

_ONCE = 65536  # elements; a larger initializer is stored once for readers of both types
_HALF, _SINGLE = ir.DataType.FLOAT16, ir.DataType.FLOAT


def cast_between(model: ir.Model, halves: set[ir.Node], floats: set[str]) -> int:
    """Change some nodes to float16, in place; the graph's outputs stay float32.

    Args:
        model: A graph in float32.
        halves: The nodes to change; none inside a branch.
        floats: Names of the float32 tensors that nodes return.

    Returns:
        The number of casts inserted.
    """
    casts = _Casts(model, halves, floats)
    for node in list(model.graph.all_nodes()):
        for index, value in enumerate(node.inputs):
            if value is not None and casts.is_float(value):
                node.replace_input_with(index, casts.read(value, half=node in halves))
    casts.cast_outputs()
    for node in halves:
        _retype(node, floats)
    tidy(model)
    return casts.count


class _Casts:
    """Casts each tensor to the type that its readers need, at most once."""

    def __init__(self, model: ir.Model, halves: set[ir.Node], floats: set[str]) -> None:
        self._model = model
        self._halves = halves
        self._floats = floats
        self._shared = {value for node in halves for value in node.inputs if value is not None and _is_big(value)}
        self._cast: dict[ir.Value, ir.Value] = {}
        self._stored: dict[ir.Value, ir.Value] = {}
        self.count = 0

    def is_float(self, value: ir.Value) -> bool:
        tensor = value.const_value if value.is_initializer() else None
        return value.name in self._floats or (tensor is not None and tensor.dtype == _SINGLE)

    def read(self, value: ir.Value, *, half: bool) -> ir.Value:
        if value.is_initializer():
            return self._read_initializer(value, half=half)
        if (value.producer() in self._halves) == half:
            return value
        return self._cast_once(value, _HALF if half else _SINGLE)

    def _read_initializer(self, value: ir.Value, *, half: bool) -> ir.Value:
        if not half and value not in self._shared:
            return value
        if value not in self._stored:
            array = array_of(value)
            assert array is not None
            self._stored[value] = constant(self._model, f"{value.name}/half", array.astype(np.float16))
        return self._stored[value] if half else self._cast_once(self._stored[value], _SINGLE)

    def _cast_once(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        if value not in self._cast:
            self._cast[value] = insert(self._model, "Cast", [value], to=dtype.value)
            self.count += 1
        return self._cast[value]

    def cast_outputs(self) -> None:
        for value in list(self._model.graph.outputs):
            if value.producer() in self._halves and self.is_float(value):
                replace_output(self._model, value, self._cast_once(value, _SINGLE))


def _is_big(value: ir.Value) -> bool:
    return value.is_initializer() and value.const_value is not None and value.const_value.size >= _ONCE


def _retype(node: ir.Node, floats: set[str]) -> None:
    """Declare the outputs of a node as float16."""
    if node.op_type == "Cast" and node.attributes["to"].as_int() == _SINGLE.value:
        node.attributes["to"] = ir.AttrInt64("to", _HALF.value)
    for value in node.outputs:
        if value.dtype == _SINGLE:
            value.type = ir.TensorType(_HALF)
