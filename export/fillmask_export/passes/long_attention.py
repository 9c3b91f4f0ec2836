"""Let long texts that nothing pads run their attention without a mask.

Without a mask, ONNX Runtime's MultiHeadAttention computes scores, softmax and sums block by block ("FlashAttention",
Dao et al., 2022), where it knows the size of the L2 cache. It never holds all scores, which at 8,192 tokens and 12
heads take 3.2 GB. On one thread of an Intel CPU with AMX it takes 0.81 to 0.86 of Attention's time at 384 tokens,
0.73 to 0.81 at 512, 0.58 to 0.63 at 2,048, and more than all of it at 128. So each attention over all tokens becomes
an If. A run of ``LEAST`` tokens or more without padding takes one branch, any other run the other. The results of
both differ in the last digits, which integers may turn into a difference of a score. So the engine pads no row of
``LEAST`` tokens or more (``padded_below`` of the manifest), and a text always takes the same branch.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.tensor_outputs import open_tensors

LEAST = 384
"""Tokens of a row that runs without a mask, at least."""
_LONGEST_TRIAL = 8192  # tokens; a mask takes 4 bytes for each pair of them
_SPLIT = (0, 2, 1, 3)
_WITH_BODIES = {"If", "Loop", "Scan"}  # they may read any tensor


def attend_without_mask(model: ir.Model, max_length: int) -> int:
    """Give each attention over all tokens of a text a branch for long rows without padding, in place.

    Attention whose mask does more than hide padding keeps it, such as a window or biases of distance. So does one whose
    heads share keys.

    Args:
        model: A lean graph.
        max_length: Largest number of tokens that the model takes.

    Returns:
        The number of attentions that have the branch.
    """
    if max_length < LEAST:
        return 0
    found = [node for node in model.graph if node.op_type == "Attention" and len(node.inputs) == 4]
    longest = min(max_length, _LONGEST_TRIAL)
    hiding = _that_hide_padding(model, {node.inputs[3] for node in found}, longest)
    heads = _heads(model, [node for node in found if node.inputs[3] in hiding])
    if heads:
        unpadded = _unpadded(model, longest)
        for node, count in heads.items():
            replace(model, node.outputs[0], _either(model, node, unpadded, count))
        tidy(model)
    return len(heads)


def _that_hide_padding(model: ir.Model, masks: Iterable[ir.Value | None], longest: int) -> list[ir.Value]:
    """The masks that follow from ``attention_mask`` alone and are 0 where nothing is padded."""
    found = [mask for mask in masks if mask is not None and _follows_from_padding(mask)]
    for tokens in (LEAST, longest):  # a mask of each head, which would be large, differs from 0 at fewer tokens too
        found = _that_are_zero(model, found, tokens)
    return found


def _that_are_zero(model: ir.Model, masks: list[ir.Value], tokens: int) -> list[ir.Value]:
    """The masks that are 0 for one text of so many tokens."""
    names = [str(mask.name) for mask in masks]
    if not names:
        return []
    ids = np.ones((1, tokens), dtype=np.int64)
    with open_tensors(model, names) as session:
        arrays = session.run(names, dict.fromkeys((value.name for value in session.get_inputs()), ids))
    return [mask for mask, array in zip(masks, arrays, strict=True) if not np.any(array)]


def _follows_from_padding(mask: ir.Value) -> bool:
    """Whether a tensor is computed of ``attention_mask`` and of the shape of ``input_ids``, of nothing else."""
    pending, seen = [mask], set()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        node = value.producer()
        if node is None:
            if array_of(value) is None and value.name != "attention_mask":
                return False
        elif node.op_type in _WITH_BODIES:
            return False
        elif node.op_type != "Shape" or node.inputs[0].name != "input_ids":  # type: ignore[union-attr]
            pending += [each for each in node.inputs if each is not None]
    return True


def _heads(model: ir.Model, nodes: list[ir.Node]) -> dict[ir.Node, int]:
    """The number of heads of each attention that has as many for its keys."""
    joined = {node: node.attributes.get_int("q_num_heads", 0) for node in nodes}
    shared = {node for node, heads in joined.items() if heads != node.attributes.get_int("kv_num_heads", 0)}
    apart = [node for node, heads in joined.items() if not heads]
    if apart:
        names = list(dict.fromkeys(str(value.name) for node in apart for value in node.inputs[:2] if value is not None))
        with open_tensors(model, names) as session:
            feeds = {value.name: np.ones((1, 2), dtype=np.int64) for value in session.get_inputs()}
            counts = {name: array.shape[1] for name, array in zip(names, session.run(names, feeds), strict=True)}
        for node in apart:
            queries, keys = (counts[str(value.name)] for value in node.inputs[:2] if value is not None)
            joined[node] = queries
            shared |= {node} if queries != keys else set()
    return {node: heads for node, heads in joined.items() if node not in shared}


def _unpadded(model: ir.Model, longest: int) -> ir.Value:
    """Whether the rows of a run are long, no longer than the masks were tried at, and not padded: ``bool[1]``."""
    inputs = {value.name: value for value in model.graph.inputs}
    least = insert(model, "ReduceMin", [inputs["attention_mask"]], keepdims=0)
    whole = insert(model, "Equal", [least, constant(model, "not_padding", np.int64(1))])
    length = insert(model, "Shape", [inputs["input_ids"]], start=1, end=2)
    long = insert(model, "GreaterOrEqual", [length, constant(model, "long_text", np.int64(LEAST))])
    tried = insert(model, "LessOrEqual", [length, constant(model, "longest_text", np.int64(longest))])
    return insert(model, "And", [insert(model, "And", [long, tried]), whole], name="long_and_unpadded")


def _either(model: ir.Model, node: ir.Node, unpadded: ir.Value, heads: int) -> ir.Value:
    """The result of an If: of attention without a mask, or of the node's."""
    result = str(node.outputs[0].name)
    masked = ir.node("Attention", node.inputs, attributes=dict(node.attributes))
    branches = {
        "then_branch": _branch(_without_mask(model, node, heads), f"{result}/without_mask"),
        "else_branch": _branch([masked], f"{result}/with_mask"),
    }
    return insert(model, "If", [unpadded], name=f"{result}/either", **branches)


def _branch(nodes: list[ir.Node], name: str) -> ir.Graph:
    output = nodes[-1].outputs[0]
    output.name, output.type = name, ir.TensorType(ir.DataType.FLOAT)
    return ir.Graph([], [output], nodes=nodes, name=name)


def _without_mask(model: ir.Model, node: ir.Node, heads: int) -> list[ir.Node]:
    """MultiHeadAttention, which takes ``[b, s, h · d]``; other layouts are turned before and after it."""
    result, nodes, operands = str(node.outputs[0].name), [], list(node.inputs[:3])
    apart = "q_num_heads" not in node.attributes
    model.opset_imports.setdefault("com.microsoft", 1)

    def append(op_type: str, inputs: list[ir.Value | None], domain: str = "", **options: object) -> ir.Value:
        nodes.append(ir.node(op_type, inputs, attributes=options, domain=domain))  # type: ignore[arg-type]
        nodes[-1].outputs[0].name = f"{result}/long/{len(nodes)}"  # a branch shares the names of the graph
        return nodes[-1].outputs[0]

    if apart:
        join = constant(model, "joined_heads", np.array([0, 0, -1], dtype=np.int64))
        operands = [append("Reshape", [append("Transpose", [value], perm=_SPLIT), join]) for value in operands]
    scale = node.attributes["scale"].as_float()
    attended = append("MultiHeadAttention", operands, "com.microsoft", num_heads=heads, scale=scale)
    if apart:
        split = constant(model, f"split_into_{heads}_heads", np.array([0, 0, heads, -1], dtype=np.int64))
        append("Transpose", [append("Reshape", [attended, split])], perm=_SPLIT)
    return nodes
