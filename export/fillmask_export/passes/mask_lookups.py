"""Replace the lookups by which transformers 5 makes a mask.

transformers 5 makes each mask from functions of a query's and a key's position. ``torch.export`` follows them: the
attention mask is read by a GatherND at counted positions, and positions are compared with 0. Both are done in advance
here: the GatherND is the attention mask itself with more axes, and a counted position is never below 0.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy

# Operators that broadcast a mask, so that a smaller one means the same, up to the sum with the scores.
_BROADCASTING = {"And", "Cast", "Mul", "Not", "Or", "Sub", "Where"}


def simplify_mask_lookups(model: ir.Model) -> str:
    """Replace the lookups of a mask and the conditions that always hold, in place.

    Returns:
        How many lookups by counted positions were replaced.
    """
    nodes = [node for node in model.graph if node.op_type == "GatherND"]
    found = [(node, axes) for node in nodes if (axes := _added_axes(node)) is not None]
    for node, axes in found:
        _replace(model, node, axes)
    for node in [node for node in model.graph if node.op_type == "And"]:
        _drop_condition(model, node)
    tidy(model)
    return f"{len(found)} of {len(nodes)}"


def _replace(model: ir.Model, node: ir.Node, axes: list[int]) -> None:
    name = "axes_" + "_".join(map(str, axes))
    spread = insert(model, "Unsqueeze", [node.inputs[0], constant(model, name, np.array(axes, dtype=np.int64))])
    spread.type, spread.shape = node.outputs[0].type, node.outputs[0].shape
    replace(model, node.outputs[0], spread)


def _added_axes(node: ir.Node) -> list[int] | None:
    """The axes of size 1 that a lookup of every text and token adds; None where it is another lookup."""
    data, indices = node.inputs[0], _maker(node.inputs[1], "Concat")
    shape = node.outputs[0].shape
    if indices is None or shape is None or data is None or data.shape is None or len(data.shape) != 2:
        return None
    counted = [_counted(_index(value)) for value in indices.inputs]
    axes = [axis for axis, _ in filter(None, counted)]
    if [size for _, size in filter(None, counted)] != [0, 1] or axes != sorted(set(axes)):
        return None
    others = [axis for axis in range(len(shape)) if axis not in axes]
    return others if all(shape[axis] == 1 for axis in others) else None


def _index(value: ir.Value | None) -> ir.Value | None:
    """A part of the indices before it got the last axis, along which they are joined."""
    node = _maker(value, "Unsqueeze")
    axes = array_of(node.inputs[1]) if node is not None else None
    rank = len(value.shape) if value is not None and value.shape is not None else 0
    return node.inputs[0] if node is not None and axes is not None and axes.tolist() in ([-1], [rank - 1]) else None


def _counted(value: ir.Value | None) -> tuple[int, int] | None:
    """The axis along which a tensor counts from 0, and which size of the inputs it counts to: 0 texts, 1 tokens."""
    node = _maker(value, "Expand", "Range", "Unsqueeze")
    if node is not None and node.op_type == "Range":
        return _counted_range(node)
    below = _counted(node.inputs[0]) if node is not None else None
    if node is None or below is None or value is None or value.shape is None:
        return None
    axis, rank = below[0], len(value.shape)
    if node.op_type == "Expand":
        before = node.inputs[0].shape if node.inputs[0] is not None else None
        return (axis + rank - len(before), below[1]) if before is not None else None
    added = array_of(node.inputs[1])
    if added is None:
        return None
    kept = [each for each in range(rank) if each not in [int(one) % rank for one in added]]
    return kept[axis], below[1]


def _counted_range(node: ir.Node) -> tuple[int, int] | None:
    start, step = (array_of(value) for value in (node.inputs[0], node.inputs[2]))
    size = _size(node.inputs[1])
    from_0 = start is not None and step is not None and start.item() == 0 and step.item() == 1
    return (0, size) if from_0 and size is not None else None


def _size(value: ir.Value | None) -> int | None:
    """Which size of a graph input a number is."""
    node = _maker(value, "Squeeze")
    node = _maker(node.inputs[0], "Shape") if node is not None else None
    if (
        node is None
        or node.inputs[0] is None
        or not node.inputs[0].is_graph_input()
        or len(node.inputs[0].shape or ()) != 2
    ):
        return None
    start, end = (node.attributes[name].as_int() if name in node.attributes else None for name in ("start", "end"))
    return start if start is not None and end == start + 1 else None


def _drop_condition(model: ir.Model, node: ir.Node) -> None:
    """Replace ``And(condition, other)`` by ``other`` where the condition always holds."""
    for condition, other in (node.inputs, node.inputs[::-1]):
        if other is not None and _holds(condition) and _is_mask_alone(node):
            replace(model, node.outputs[0], other)
            return


def _holds(value: ir.Value | None) -> bool:
    """Whether a condition holds for every position."""
    array = array_of(value)
    if array is not None:
        return bool(array.all())
    node = _maker(value, "And", "GreaterOrEqual")
    if node is None:
        return False
    if node.op_type == "And":
        return all(map(_holds, node.inputs))
    bound = array_of(node.inputs[1])
    return _counted(node.inputs[0]) is not None and bound is not None and bool((bound <= 0).all())


def _is_mask_alone(node: ir.Node) -> bool:
    """Whether all that is made of a mask is added to scores."""
    users = [user for value in node.outputs for user, _ in value.uses()]
    return bool(users) and all(
        user.op_type == "Add" or (user.op_type in _BROADCASTING and _is_mask_alone(user)) for user in users
    )


def _maker(value: ir.Value | None, *op_types: str) -> ir.Node | None:
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type in op_types else None
