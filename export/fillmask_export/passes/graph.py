"""Operations on an ONNX graph that several passes share."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import RemoveUnusedNodesPass, TopologicalSortPass


def constant(model: ir.Model, name: str, array: NDArray[Any] | np.generic) -> ir.Value:
    """Add an initializer, or return an equal one of that name; where another array has the name, append a number."""
    for number in count(1):
        unique = name if number == 1 else f"{name}_{number}"
        known = model.graph.initializers.get(unique)
        if known is None:
            return _add(model, unique, array)
        there = array_of(known)
        if there is not None and there.dtype == array.dtype and np.array_equal(there, array):
            return known
    raise AssertionError("unreachable")


def _add(model: ir.Model, name: str, array: NDArray[Any] | np.generic) -> ir.Value:
    value = ir.Value(name=name, const_value=ir.tensor(np.array(array, order="C"), name=name))
    value.type, value.shape = ir.TensorType(ir.DataType.from_numpy(array.dtype)), ir.Shape(array.shape)
    model.graph.initializers[name] = value
    return value


def array_of(value: ir.Value | None) -> NDArray[Any] | None:
    """The array of an initializer or a Constant node, also through Identity; None for any other tensor."""
    if value is None:
        return None
    tensor = value.const_value
    producer = value.producer()
    if producer is not None and producer.op_type == "Identity":
        return array_of(producer.inputs[0])
    if tensor is None and producer is not None and producer.op_type == "Constant":
        attribute = producer.attributes.get("value")
        tensor = attribute.as_tensor() if attribute is not None else None
    return None if tensor is None else tensor.numpy()


def insert(model: ir.Model, op_type: str, inputs: list[ir.Value | None], **options: object) -> ir.Value:
    """Append a node with one output; ``tidy`` sorts it into its place.

    Args:
        model: The graph's model.
        op_type: The operator, such as ``"MatMul"``, or ``"com.microsoft.FusedMatMul"`` with its domain.
        inputs: Its inputs.
        **options: Its attributes, and ``name`` for the name of its output.
    """
    name = options.pop("name", None)
    domain, _, op = op_type.rpartition(".")
    if domain:
        model.opset_imports.setdefault(domain, 1)
    node = ir.node(op, inputs, attributes=options, domain=domain)  # type: ignore[arg-type]
    node.outputs[0].name = str(name) if name else None
    model.graph.append(node)
    return node.outputs[0]


def replace(model: ir.Model, old: ir.Value, new: ir.Value) -> None:
    """Replace ``old`` by ``new`` for all readers, the graph's outputs included."""
    for user, index in tuple(old.uses()):
        user.replace_input_with(index, new)
    replace_output(model, old, new)


def replace_output(model: ir.Model, old: ir.Value, new: ir.Value) -> None:
    """Where ``old`` is an output of the graph, replace it by ``new`` under the same name."""
    outputs = model.graph.outputs
    for index, output in enumerate(outputs):
        if output is old:
            old.name, new.name = f"{old.name}/replaced", old.name
            new.type, new.shape = new.type or old.type, new.shape or old.shape
            outputs[index] = new


def tidy(model: ir.Model) -> None:
    """Remove unused nodes and initializers, and sort the nodes topologically."""
    RemoveUnusedNodesPass()(model)
    for name in [name for name, value in model.graph.initializers.items() if not value.uses()]:
        del model.graph.initializers[name]
    TopologicalSortPass()(model)
