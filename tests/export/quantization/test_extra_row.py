"""A product with one row more gives the rows that it gives without."""

import numpy as np
import pytest

from fillmask_export.passes.graph import insert, replace, tidy
from fillmask_export.passes.table import tie_table
from fillmask_export.quantization.extra_row import with_extra_row
from fillmask_export.quantization.table import quantize_table
from tests.support.graphs import PLAIN, operators, parse, run, texts, weights

PRODUCT = PLAIN + "{ e = Gather(words, input_ids) logits = MatMul(e, head) }"


def widened():
    """A product of rows of 8 to 20 columns, and the same with one row more."""
    model, before = (parse(PRODUCT, words=weights(20, 8), head=weights(8, 20)) for _ in range(2))
    (product,) = (node for node in model.graph if node.op_type == "MatMul")
    rows, head = product.inputs

    def multiply(padded):
        return insert(model, "MatMul", [padded, head])

    replace(model, product.outputs[0], with_extra_row(model, rows, multiply, width=8, columns=20))
    tidy(model)
    return model, before


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (3, 1), (3, 5)])
def test_the_rows_are_those_without_it(size):
    model, before = widened()
    feeds = texts(*size, 20)
    expected = run(before, feeds)
    found = run(model, feeds)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(np.float32).eps * np.abs(expected).max())


def test_a_row_of_zeros_is_multiplied_and_dropped():
    model, _ = widened()
    (product,) = (node for node in model.graph if node.op_type == "MatMul")
    assert product.inputs[0].producer().op_type == "Pad"
    assert [user.op_type for user, _ in product.outputs[0].uses()] == ["Slice"]


def test_the_head_of_a_table_in_integers_has_one_row_more():
    table = weights(50, 64)
    model = parse(PRODUCT, words=table, head=np.ascontiguousarray(table.T))
    tie_table(model)
    quantize_table(model)
    assert {name: operators(model)[name] for name in ("MatMulNBits", "Pad")} == {"MatMulNBits": 1, "Pad": 1}
