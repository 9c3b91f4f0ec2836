"""Compute only the rows at the masks.

A plain graph returns logits for every token, and fill-mask reads those at the masks. This pass gathers the rows behind
the logits, then moves the gathering up through the graph as long as each token's value depends on that token alone.
It moves through the LM head, and through the last layer up to its attention, where queries are tokenwise while keys
and values are not. One GatherND before the last layer remains, and the logits stay the same.

The pass knows operators, not architectures. At an unknown operator it stops and gathers there.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.constant_shapes import shape_vector
from fillmask_export.passes.extra_query import mixes_tokens, with_extra_query, without_extra_query
from fillmask_export.passes.graph import array_of, constant, insert, replace_output, tidy
from fillmask_export.passes.tokenwise import token_inputs
from fillmask_export.shapes import Dim, Shapes

Place = tuple[ir.Value, int]
"""A tensor and its token axis."""


def gather_at_masks(model: ir.Model, shapes: Shapes) -> str:
    """Add the input ``mask_positions int64[b, m]``; the logits become ``[b, m, V]``, in place.

    Returns:
        How many nodes run at the masks only.
    """
    graph = model.graph
    positions = ir.Value(name="mask_positions", type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape(["b", "m"]))
    graph.inputs.append(positions)
    (logits,) = (value for value in graph.outputs if value.name == "logits")
    sink = _Sink(model, shapes, positions)
    at_masks = sink.gathered((logits, 1))
    at_masks.type, at_masks.shape = logits.type, ir.Shape(["b", "m", shapes["logits"][-1]])
    replace_output(model, logits, at_masks)
    tidy(model)
    return f"{sink.moved} nodes at the masks only, {sink.attentions} of them of attention"


class _Sink:
    """Moves the gathering of rows up from the logits."""

    def __init__(self, model: ir.Model, shapes: Shapes, positions: ir.Value) -> None:
        self._model = model
        self._shapes = shapes
        self._positions = positions
        self._whole: set[ir.Value] = set()
        self._gathered: dict[Place, ir.Value] = {}
        self.moved = 0
        self.attentions = 0
        (logits,) = (value for value in model.graph.outputs if value.name == "logits")
        self._find_whole((logits, 1), set())

    def gathered(self, place: Place) -> ir.Value:
        """The rows of a tensor at the masks, computed from gathered inputs unless the whole tensor is needed anyway."""
        if place not in self._gathered:
            inputs = self._sinkable(place)
            if place[0] in self._whole and inputs != {}:  # a broadcast over all tokens can be a broadcast over fewer
                inputs = None
            self._gathered[place] = self._gather(place) if inputs is None else self._copy(place, inputs)
        return self._gathered[place]

    def _sinkable(self, place: Place) -> dict[int, int] | None:
        node = place[0].producer()
        if node is None:
            return None
        inputs = token_inputs(node, place[1], self._shapes)
        if inputs is None or not all(self._can_gather(node.inputs[index], axis) for index, axis in inputs.items()):
            return None
        return inputs

    def _can_gather(self, value: ir.Value | None, axis: int) -> bool:
        shape = self._shapes.get(str(value.name)) if value is not None else None
        if shape is None or axis not in (1, 2) or len(shape) <= axis:
            return False
        return shape[0] in ("b", 1) and "b" not in shape[1:]

    def _find_whole(self, place: Place, seen: set[Place]) -> None:
        """Collect the tensors whose every token is needed, such as keys and values, and all tensors before them."""
        if place in seen:
            return
        seen.add(place)
        inputs = self._sinkable(place)
        if inputs is None:
            self._need(place[0])
            return
        for index, value in enumerate(place[0].producer().inputs):  # type: ignore[union-attr]
            if value is not None and index in inputs:
                self._find_whole((value, inputs[index]), seen)
            elif value is not None:
                self._need(value)

    def _need(self, value: ir.Value) -> None:
        pending = [value]
        while pending:
            needed = pending.pop()
            if needed not in self._whole:
                self._whole.add(needed)
                producer = needed.producer()
                pending += [value for value in producer.inputs if value is not None] if producer else []

    def _copy(self, place: Place, inputs: dict[int, int]) -> ir.Value:
        value, node = place[0], place[0].producer()
        assert node is not None
        sources = [
            self.gathered((source, inputs[index])) if source is not None and index in inputs else source
            for index, source in enumerate(node.inputs)
        ]
        if node.op_type == "Reshape":
            sources[1] = self._target(value)
        if node.op_type == "Expand":
            sources[1] = self._sizes(place)
        self.moved += 1
        self.attentions += _is_attention(node)
        if not mixes_tokens(node, self._shapes):
            return self._append(node, sources, f"{value.name}/at_masks")
        sources = with_extra_query(self._model, node, sources, inputs, self._shapes)
        mixed = self._append(node, sources, f"{value.name}/with_one_more/at_masks")
        return without_extra_query(self._model, mixed, place[1])

    def _append(self, node: ir.Node, inputs: list[ir.Value | None], name: str) -> ir.Value:
        """Append a copy of a node with other inputs."""
        attributes = [attribute for name, attribute in node.attributes.items() if name != "allowzero"]
        copy = ir.Node(node.domain, node.op_type, inputs, attributes, num_outputs=1)
        copy.outputs[0].name = name
        self._model.graph.append(copy)
        return copy.outputs[0]

    def _target(self, value: ir.Value) -> ir.Value:
        """The target of a Reshape whose token axis now runs over masks; it keeps every axis up to that."""
        shape = self._shapes[str(value.name)]
        target = [dim if isinstance(dim, int) else 0 for dim in shape]
        return constant(self._model, "reshape_to_" + "_".join(map(str, target)), np.array(target, dtype=np.int64))

    def _sizes(self, place: Place) -> ir.Value:
        """The target of an Expand whose token axis now runs over masks."""
        value, axis = place
        dims: list[Dim] = list(self._shapes[str(value.name)])
        dims[axis] = "m"
        ids = next(value for value in self._model.graph.inputs if value.name == "input_ids")
        return shape_vector(self._model, dims, {"b": (ids, 0), "s": (ids, 1), "m": (self._positions, 1)})

    def _gather(self, place: Place) -> ir.Value:
        """Gather the rows at the masks of a tensor ``[b or 1, s, …]`` or ``[b or 1, h, s, …]``."""
        value, axis = place
        shape = self._shapes[str(value.name)]
        swap = [0, 2, 1, *range(3, len(shape))]
        source = insert(self._model, "Transpose", [value], perm=swap) if axis == 2 else value
        if shape[0] == 1:
            first = insert(self._model, "Squeeze", [source, self._axes("axis_0", 0)])
            rows = insert(self._model, "Gather", [first, self._positions], axis=0)
        else:
            index = insert(self._model, "Unsqueeze", [self._positions, self._axes("axis_last", -1)])
            rows = insert(self._model, "GatherND", [source, index], batch_dims=1)
        return insert(self._model, "Transpose", [rows], perm=swap) if axis == 2 else rows

    def _axes(self, name: str, axis: int) -> ir.Value:
        return constant(self._model, name, np.array([axis], dtype=np.int64))


def _is_attention(node: ir.Node) -> bool:
    """Whether it mixes tokens: an Attention, or one of the two products of a traced attention."""
    products = node.op_type == "MatMul" and all(array_of(value) is None for value in node.inputs)
    return node.op_type == "Attention" or products
