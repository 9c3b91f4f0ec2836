"""The embedding table as uint8, shared by the embeddings and the LM head.

Each row has blocks with a scale each. The LM head's MatMulNBits reads them directly. Its kernel quantizes activations
by row and block, so that no text depends on another.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.quantization.extra_row import with_extra_row

_BLOCKS = (128, 64, 32, 16)
_ZERO = 128  # the uint8 that stands for 0


def quantize_table(model: ir.Model) -> str:
    """Replace the float table of word embeddings.

    Returns:
        A description for the manifest.
    """
    lookup = find_lookup(model)
    table = array_of(lookup.inputs[0]) if lookup is not None else None
    if table is not None and table.dtype != np.float32:
        halve_other_tables(model)
        tidy(model)
        return "in integers already"
    block = next((block for block in _BLOCKS if table is not None and table.shape[1] % block == 0), None)
    if lookup is None or table is None or block is None:
        tidy(model)
        return "left in fp32"
    value = lookup.inputs[0]
    integers, scales = quantize_blocks(table, block)
    data = constant(model, "table", integers)
    scale = constant(model, "table_scale", scales)
    halve_other_tables(model)
    look_up(model, lookup, [data, scale, constant(model, "table_zero", np.uint8(_ZERO))])
    heads = [node for node, _ in tuple(value.uses()) if node.op_type == "FusedMatMul"] if value else []
    for node in heads:
        project(model, node, [data, scale], bits=8)
    tidy(model)
    return f"uint8 in blocks of {block}, {'shared with' if heads else 'not shared with'} the LM head"


def quantize_blocks(table: NDArray[np.float32], block: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Round each block of each row to 8 bits.

    Args:
        table: ``float32[V, H]``.
        block: Divides H.

    Returns:
        ``(uint8[V, H / block, block], scales float32[V, H / block])``; 128 stands for 0.
    """
    blocks = table.reshape(len(table), -1, block)
    scales = np.maximum(np.abs(blocks).max(axis=2) / 127, 1e-12).astype(np.float32)
    integers = np.clip(np.round(blocks / scales[..., None]), -127, 127) + _ZERO
    return integers.astype(np.uint8), scales


def find_lookup(model: ir.Model) -> ir.Node | None:
    """The Gather of the word embeddings."""
    ids = next(value for value in model.graph.inputs if value.name == "input_ids")
    for node, index in ids.uses():
        if node.op_type == "Gather" and index == 1 and array_of(node.inputs[0]) is not None:
            return node
    return None


def _is_table(node: ir.Node) -> bool:
    table = array_of(node.inputs[0]) if node.op_type == "Gather" else None
    return table is not None and table.ndim == 2 and table.dtype == np.float32


def _reads_tokens(lookup: ir.Node) -> bool:
    return lookup.inputs[1] is not None and lookup.inputs[1].name == "input_ids"


def look_up(model: ir.Model, lookup: ir.Node, table: list[ir.Value]) -> None:
    """Replace the Gather of the word embeddings by one that reads integers.

    Args:
        model: The graph's model.
        lookup: The Gather.
        table: Integers ``[V, H]`` or ``[V, blocks, block]``, their scales ``float32[V]`` or ``float32[V, blocks]``, and
            the integer that stands for 0.
    """
    data, scale, zero = table
    ids = lookup.inputs[1]
    rows = insert(model, "Gather", [data, ids], axis=0)
    one = constant(model, "one", np.float32(1))
    floats = insert(model, "com.microsoft.DequantizeLinear", [rows, one, zero])
    sizes = insert(model, "Gather", [scale, ids], axis=0)
    sizes = insert(model, "Unsqueeze", [sizes, constant(model, "axis_last", np.array([-1], dtype=np.int64))])
    blocks = insert(model, "Mul", [floats, sizes])
    shape = constant(model, "table_row", np.array([0, 0, -1], dtype=np.int64))
    replace(model, lookup.outputs[0], insert(model, "Reshape", [blocks, shape]))


def halve_other_tables(model: ir.Model) -> None:
    """Store the other tables, of positions, in fp16, whose steps are far below those of the word embeddings' integers.

    Word embeddings stay as they are, and so do the scales of their integers.
    """
    for node in [node for node in model.graph if _is_table(node) and not _reads_tokens(node)]:
        table = array_of(node.inputs[0])
        if table is not None:
            half = constant(model, f"{node.inputs[0].name}/half", table.astype(np.float16))  # type: ignore[union-attr]
            rows = insert(model, "Gather", [half, node.inputs[1]], axis=0)
            replace(model, node.outputs[0], insert(model, "Cast", [rows], to=ir.DataType.FLOAT.value))


def project(model: ir.Model, head: ir.Node, table: list[ir.Value], *, bits: int) -> None:
    """Replace the LM head by one node that multiplies by the table's integers and adds the bias.

    A bias in a node of its own would be one more pass over the logits: 0 to 3 % of a run with MiniLM.

    Args:
        model: The graph's model.
        head: The product of the activations and the float table.
        table: Integers, ``float32[V, blocks]`` scales and, if they are not fixed, zero points.
        bits: Bits of an integer.
    """
    vocabulary, blocks = (int(size) for size in table[1].const_value.shape.numpy())  # type: ignore[union-attr]
    width = int(head.inputs[1].const_value.shape[1])  # type: ignore[union-attr,arg-type]
    sizes = {"N": vocabulary, "K": width, "bits": bits, "block_size": width // blocks, "accuracy_level": 4}
    addition, bias = bias_of(head, vocabulary)
    operands: list[ir.Value | None] = [*table, *[None] * (4 - len(table)), bias] if bias is not None else [*table]

    def multiply(rows: ir.Value) -> ir.Value:
        return insert(model, "com.microsoft.MatMulNBits", [rows, *operands], **sizes)

    logits = with_extra_row(model, head.inputs[0], multiply, width=width, columns=vocabulary)  # type: ignore[arg-type]
    replace(model, (addition or head).outputs[0], logits)


def bias_of(head: ir.Node, vocabulary: int) -> tuple[ir.Node | None, ir.Value | None]:
    """The only reader of the LM head, if it adds a constant of each token, and that constant."""
    users = [user for user, _ in head.outputs[0].uses()]
    if len(users) != 1 or users[0].op_type != "Add" or head.outputs[0].is_graph_output():
        return None, None
    bias = next(value for value in users[0].inputs if value is not head.outputs[0])
    array = array_of(bias)
    return (users[0], bias) if array is not None and array.shape == (vocabulary,) else (None, None)
