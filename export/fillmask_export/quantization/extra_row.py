"""Run a product with one row more than there are masks.

MatMulNBits on x86 multiplies rows in pairs, and the last of an odd number of rows with another kernel, which adds in
another order. A text alone then differs in the last digits from the same text beside others: 548 of 858 texts of the
embedded model, by up to 4e-6 of a logit. With a row of zeros at the end every row of a text is one of a pair; none of
the 858 differs in a bit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import constant, insert


def with_extra_row(
    model: ir.Model, rows: ir.Value, product: Callable[[ir.Value], ir.Value], *, width: int, columns: int
) -> ir.Value:
    """Multiply rows, and a row of zeros after them.

    Args:
        model: The graph's model.
        rows: ``float32[..., width]``.
        product: Inserts the product of ``float32[n, width]``.
        width: The length of a row.
        columns: The length of a row of the product.

    Returns:
        The product of the rows, ``float32[..., columns]``.
    """

    def multiply(flat: ir.Value) -> ir.Value:
        padded = insert(model, "Pad", [flat, _integers(model, "one_row_more", [0, 0, 1, 0])])
        bounds = {"first_row": 0, "extra_row": -1, "axis_of_rows": 0}
        operands = [_integers(model, name, [number]) for name, number in bounds.items()]
        return insert(model, "Slice", [product(padded), *operands])

    return in_two_dimensions(model, rows, multiply, width=width, columns=columns)


def in_two_dimensions(
    model: ir.Model, rows: ir.Value, product: Callable[[ir.Value], ir.Value], *, width: int, columns: int
) -> ir.Value:
    """Multiply rows as one matrix; the arguments and the result are those of ``with_extra_row``."""
    flat = insert(model, "Reshape", [rows, _integers(model, f"rows_of_{width}", [-1, width])])
    places = insert(model, "Shape", [rows], start=0, end=-1)
    shape = insert(model, "Concat", [places, _integers(model, f"columns_{columns}", [columns])], axis=0)
    return insert(model, "Reshape", [product(flat), shape])


def _integers(model: ir.Model, name: str, numbers: list[int]) -> ir.Value:
    return constant(model, name, np.array(numbers, dtype=np.int64))
