"""fp16 for GPUs: weights, products and activations in float16, except where float16 is too narrow.

float16 ends at 65,504 and loses digits below 6e-5. These nodes stay in float32:

- Nodes that do not depend on the tokens: mask arithmetic, whose -3.4e38 would be minus infinity, and the angles of
  rotary positions. They are small. Their results are cast once, clamped to ±10,000: a masked score then acts like
  minus infinity, and a row in which everything is masked stays finite.
- Nodes near the limit: those that read or return more than a quarter of 65,504 on the texts.
- Divisors that may vanish: sums of squares and terms added to them, in norms that a model spells out.
- Operators without a definition in float16.

LayerNormalization and Softmax are in float16 where their range allows it. CUDA's kernels sum in float32 inside them,
and a cast on either side would keep ONNX Runtime from fusing them with their neighbors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from fillmask_export.fp16.casts import cast_between
from fillmask_export.fp16.ranges import Ranges, find_ranges
from fillmask_export.passes.graph import array_of, constant, insert, tidy
from fillmask_export.probes import Probe

LARGEST = 16384.0  # a quarter of float16's range: other texts reach larger values than these
_MASKED = 10000.0  # replaces infinity; a score added to it stays below LARGEST
_INFINITE = 1e9  # a larger constant stands for infinity
_SMALLEST = 2.0**-14  # smaller values lose digits in float16
_TOKENS = {"input_ids", "mask_positions"}
_SHAPES = {"Shape", "Size"}
_MOVES = {"Gather", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
_SUMS = {"ReduceL2", "ReduceMean", "ReduceSum", "ReduceSumSquare", "Reciprocal", "Sqrt"}
_CHOICES = {"Add", "Clip", "Max", "Min", "Sub", "Where"}  # where a huge constant means: never choose this
_SIGNS = {"low": -1, "high": 1}
_CONTRIBUTED = {"FusedMatMul", "Gelu"}  # operators of com.microsoft that CUDA has in half precision


def to_fp16(model: ir.Model, probes: list[Probe]) -> str:
    """Convert a lean fp32 graph to float16, in place; its logits stay float32.

    Args:
        model: The graph that ``make_lean`` returns.
        probes: Texts for the ranges of its tensors.

    Returns:
        A description for the manifest.
    """
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    tokens = _read_tokens(model)
    clamped = _clamp_masks(model, tokens) + _clamp_constants(model, tokens)
    tidy(model)
    ranges = find_ranges(model, probes)
    floats = [node for node in model.graph if _touches_floats(node, ranges)]
    single = _stay_single(model, floats, ranges=ranges, tokens=tokens)
    halves = {node for node in floats if node not in single}
    reached = max((ranges.get(str(node.outputs[0].name), 0.0) for node in halves), default=0.0)
    casts = cast_between(model, halves, set(ranges))
    kept = ", ".join(f"{count} {reason}" for reason, count in Counter(single.values()).items()) or "none"
    return (
        f"{len(halves)} nodes in float16, which reach {reached:.4g} of 65504; in float32: {kept}; "
        f"{casts} casts; {clamped} infinities of masks clamped to {_MASKED:.0f}"
    )


def _read_tokens(model: ir.Model) -> set[ir.Node]:
    """The nodes whose result depends on the token ids, not only on the number of tokens."""
    found: set[ir.Node] = set()
    for node in model.graph:
        reads = any(value.name in _TOKENS or value.producer() in found for value in _sources(node))
        if reads and node.op_type not in _SHAPES:
            found.add(node)
    return found


def _sources(node: ir.Node) -> Iterator[ir.Value]:
    """The tensors that a node reads, its branches included."""
    yield from (value for value in node.inputs if value is not None)
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            for inner in attribute.as_graph():
                yield from _sources(inner)


def _clamp_masks(model: ir.Model, tokens: set[ir.Node]) -> int:
    """Clamp tensors made of infinities without the tokens, where nodes that depend on the tokens read them."""
    floats = find_ranges(model, [])
    infinite: dict[ir.Value, None] = {}
    for node in [node for node in model.graph if node not in tokens]:
        if any(value in infinite or _is_infinite(value) for value in node.inputs if value is not None):
            infinite |= dict.fromkeys(value for value in node.outputs if value.name in floats)
    clamped = 0
    for value in infinite:
        readers = [(node, index) for node, index in value.uses() if node in tokens]
        if readers:
            bounds = [constant(model, f"masked_{name}", np.float32(sign * _MASKED)) for name, sign in _SIGNS.items()]
            bounded = insert(model, "Clip", [value, *bounds])
            clamped += 1
        for node, index in readers:
            node.replace_input_with(index, bounded)
    return clamped


def _clamp_constants(model: ir.Model, tokens: set[ir.Node]) -> int:
    """Clamp infinite constants that a node may choose instead of a computed value."""
    places = [
        (node, index, value)
        for node in tokens
        if node.op_type in _CHOICES
        for index, value in enumerate(node.inputs)
        if value is not None and _is_infinite(value)
    ]
    for node, index, value in places:
        array = array_of(value)
        assert array is not None
        node.replace_input_with(index, constant(model, f"{value.name}/masked", np.clip(array, -_MASKED, _MASKED)))
    return len(places)


def _is_infinite(value: ir.Value) -> bool:
    array = _floats_of(value)
    return array is not None and bool(np.abs(array).max(initial=0) >= _INFINITE)


def _stay_single(model: ir.Model, floats: list[ir.Node], *, ranges: Ranges, tokens: set[ir.Node]) -> dict[ir.Node, str]:
    """The nodes that stay in float32, with the reason."""
    version = model.opset_imports[""]
    vanishing = _vanishing(model)
    single = {}
    for node in floats:
        if any(attribute.type == ir.AttributeType.GRAPH for attribute in node.attributes.values()):
            single[node] = "that branch"
        elif not _has_half(node, version, ranges):
            single[node] = "without a definition in float16"
        elif node not in tokens and not _moves_weights(node):
            single[node] = "of mask and positions"
        elif max(_reach(value, ranges) for value in (*node.inputs, *node.outputs) if value is not None) > LARGEST:
            single[node] = f"beyond {LARGEST:.0f}"
        elif node in vanishing:
            single[node] = "of sums"
    return single


def _vanishing(model: ir.Model) -> set[ir.Node]:
    """Sums, squares that only sums read, tiny terms added to them, and divisions by them."""
    found: set[ir.Node] = set()
    for node in model.graph:
        divides = node.op_type == "Div" and node.inputs[1] is not None and node.inputs[1].producer() in found
        if node.op_type in _SUMS or divides or any(_is_tiny(value) for value in node.inputs):
            found.add(node)
    for node in model.graph:
        readers = [reader for reader, _ in node.outputs[0].uses()]
        if node.op_type in ("Pow", "Mul") and readers and all(reader.op_type in _SUMS for reader in readers):
            found.add(node)
    return found


def _reach(value: ir.Value, ranges: Ranges) -> float:
    array = _floats_of(value)
    if array is None:
        return ranges.get(str(value.name), 0.0)
    return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))


def _has_half(node: ir.Node, version: int, ranges: Ranges) -> bool:
    if node.domain == "com.microsoft":
        return node.op_type in _CONTRIBUTED
    schema = onnx.defs.get_schema(node.op_type, version, node.domain)
    allowed = {entry.type_param_str: entry.allowed_type_strs for entry in schema.type_constraints}
    # LayerNormalization has more outputs, in float32, that nothing reads.
    given = zip(node.outputs, schema.outputs, strict=False)
    return all("tensor(float16)" in allowed.get(each.type_str, []) for value, each in given if value.name in ranges)


def _moves_weights(node: ir.Node) -> bool:
    return node.op_type in _MOVES and _floats_of(node.inputs[0]) is not None


def _touches_floats(node: ir.Node, ranges: Ranges) -> bool:
    return any(
        value is not None and (value.name in ranges or _floats_of(value) is not None)
        for value in (*node.inputs, *node.outputs)
    )


def _is_tiny(value: ir.Value | None) -> bool:
    array = _floats_of(value)
    return array is not None and array.size == 1 and 0 < abs(float(array.item())) < _SMALLEST


def _floats_of(value: ir.Value | None) -> NDArray[np.float32] | None:
    """The array of a float32 initializer; None for any other tensor."""
    array = array_of(value)
    return array if array is not None and array.dtype == np.float32 else None
