import numpy as np
import pytest

from fillmask_export.passes.table import tie_table
from fillmask_export.passes.weights import transpose_weights
from fillmask_export.tracing import find_tracer
from tests.support.graphs import PLAIN, SIZES, operators, parse, run, stored_bytes, texts, weights
from tests.support.rounding import assert_rounded_alike, graph_bound

LOOKUP_AND_HEAD = "{ embedded = Gather(table, input_ids) logits = MatMul(embedded, head) }"
NOT_TIED = "not tied: no product with the transposed embedding table"


def with_head(head):
    return parse(PLAIN + LOOKUP_AND_HEAD, table=weights(20, 8), head=np.ascontiguousarray(head))


def almost(table):
    table = table.copy()
    table[19, 7] = np.nextafter(table[19, 7], np.float32(np.inf))
    return table


def test_a_checkpoints_table_is_kept_once(plain, untouched):
    table = max(value.const_value.nbytes for value in untouched.graph.initializers.values())
    transpose_weights(plain)
    assert tie_table(plain) == "kept once"
    again = table if find_tracer() == "optimum" else 0  # optimum stores the table twice
    assert stored_bytes(untouched) - stored_bytes(plain) == again
    assert operators(plain)["MatMul"] == operators(untouched)["MatMul"] - 1
    assert operators(plain)["FusedMatMul"] == 1


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_logits_of_a_tied_graph_are_the_same(plain, untouched, batch, length):
    tie_table(plain)
    feeds = texts(batch, length, 560)
    assert_rounded_alike(run(plain, feeds), run(untouched, feeds), graph_bound(untouched, feeds))


def test_a_head_that_is_the_tables_transpose_reads_the_table():
    model, feeds = with_head(weights(20, 8).T), texts(3, 7, 20)
    assert tie_table(model) == "kept once"
    assert list(model.graph.initializers) == ["table"]
    before = with_head(weights(20, 8).T)
    assert_rounded_alike(run(model, feeds), run(before, feeds), graph_bound(before, feeds))


@pytest.mark.parametrize(
    "head",
    [weights(8, 20), almost(weights(20, 8)).T, weights(20, 8).T[:, :19], -weights(20, 8).T],
    ids=["another", "one bit off", "one token short", "negated"],
)
def test_an_untied_head_stays_and_the_pass_says_so(head):
    model, feeds = with_head(head), texts(3, 7, 20)
    assert tie_table(model) == NOT_TIED
    assert operators(model) == {"Gather": 1, "MatMul": 1}
    np.testing.assert_array_equal(run(model, feeds), run(with_head(head), feeds))


def test_a_head_that_is_no_product_is_left_alone():
    model = parse(PLAIN + "{ logits = Gather(table, input_ids) }", table=weights(20, 8))
    assert tie_table(model) == NOT_TIED
