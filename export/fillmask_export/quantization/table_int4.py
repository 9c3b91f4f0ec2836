"""The embedding table in 4 bits, shared by the embeddings and the LM head.

With a large vocabulary a run for one mask reads little else: XLM-R's table is 192 of its 278 million weights.
MatMulNBits reads two weights a byte directly; the embeddings unpack the rows that they read.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.errors import ExportError
from fillmask_export.passes.graph import array_of, constant, insert, replace, tidy
from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import Activation, collect
from fillmask_export.quantization.gptq_int4 import BLOCK, round_table
from fillmask_export.quantization.table import find_lookup, project


def quantize_table_to_4_bits(model: ir.Model, calibration: list[Probe]) -> str:
    """Replace the float table that the word embeddings and the LM head share.

    Args:
        model: The fp32 graph that ``make_lean`` returns.
        calibration: Calibration texts.

    Returns:
        A description for the manifest.

    Raises:
        ExportError: The model has no such table, or 32 does not divide its width.
    """
    lookup, head = _find(model)
    table = array_of(lookup.inputs[0])
    activation = Activation(head.inputs[0], [])  # type: ignore[arg-type]
    assert table is not None
    nibbles = round_table(table, collect(model, [activation], calibration)[activation.name].rows)
    operands = [
        constant(model, "table", pack(nibbles.integers)),
        constant(model, "table_scale", nibbles.scales),
        constant(model, "table_zero_point", pack(nibbles.zero_points)),
    ]
    _look_up(model, lookup, operands)
    project(model, head, operands, bits=4)
    tidy(model)
    return f"4 bits in blocks of {BLOCK}, shared with the LM head"


def pack(integers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack two integers from 0 to 15 into a byte, the first in the lower half; an odd last one has its own byte."""
    if integers.shape[-1] % 2:
        integers = np.concatenate([integers, np.zeros_like(integers[..., :1])], axis=-1)
    return np.asarray(integers[..., ::2] | integers[..., 1::2] << 4)


def _find(model: ir.Model) -> tuple[ir.Node, ir.Node]:
    """The Gather of the word embeddings, and the product with the same table."""
    lookup = find_lookup(model)
    table = lookup.inputs[0] if lookup is not None else None
    heads = [node for node, _ in table.uses() if node.op_type == "FusedMatMul"] if table is not None else []
    if lookup is None or len(heads) != 1:
        raise ExportError("variant int4 is for a table that embeddings and LM head share, and this model has none")
    width = array_of(table).shape[1]  # type: ignore[union-attr]
    if width % BLOCK:
        raise ExportError(f"variant int4 needs a table whose width {BLOCK} divides; this model's is {width} wide")
    return lookup, heads[0]


def _look_up(model: ir.Model, lookup: ir.Node, operands: list[ir.Value]) -> None:
    blocks = int(operands[1].const_value.shape[1])  # type: ignore[union-attr,arg-type]
    rows = [insert(model, "Gather", [operand, lookup.inputs[1]], axis=0) for operand in operands]
    integers = _unpack(model, rows[0], [0, 0, blocks, BLOCK])
    zero_points = _unpack(model, rows[2], [0, 0, blocks + blocks % 2])
    if blocks % 2:
        ends = [constant(model, f"table_{name}", np.array([end])) for name, end in (("first", 0), ("end", blocks))]
        zero_points = insert(model, "Slice", [zero_points, *ends, constant(model, "axis_2", np.array([2]))])
    last = constant(model, "axis_last", np.array([-1], dtype=np.int64))
    steps = insert(model, "Sub", [integers, insert(model, "Unsqueeze", [zero_points, last])])
    floats = insert(model, "Mul", [steps, insert(model, "Unsqueeze", [rows[1], last])])
    shape = constant(model, "table_row", np.array([0, 0, -1], dtype=np.int64))
    replace(model, lookup.outputs[0], insert(model, "Reshape", [floats, shape]))


def _unpack(model: ir.Model, packed: ir.Value, shape: list[int]) -> ir.Value:
    """The two integers of each byte as float32, reshaped; a 0 in the shape keeps that dimension."""
    last = constant(model, "axis_last", np.array([-1], dtype=np.int64))
    lower = insert(model, "BitwiseAnd", [packed, constant(model, "lower_half", np.uint8(15))])
    upper = insert(model, "BitShift", [packed, constant(model, "half_a_byte", np.uint8(4))], direction="RIGHT")
    halves: list[ir.Value | None] = [insert(model, "Unsqueeze", [half, last]) for half in (lower, upper)]
    pairs = insert(model, "Concat", halves, axis=-1)
    name = "table_" + "_".join(map(str, shape))
    integers = insert(model, "Reshape", [pairs, constant(model, name, np.array(shape, dtype=np.int64))])
    return insert(model, "Cast", [integers], to=ir.DataType.FLOAT.value)
