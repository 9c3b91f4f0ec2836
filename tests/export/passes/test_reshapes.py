import numpy as np
import pytest

from fillmask_export.passes.graph import array_of
from fillmask_export.passes.reshapes import fix_reshapes, reshape_target
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, SIZES, operators, parse, run, texts, weights

# Heads out of a hidden size of 8, at a target that is computed, and back again.
HEADS = """{
    embedded = Gather(table, input_ids)
    leading = Shape<start=0, end=2>(embedded)
    split = Concat<axis=0>(leading, heads)
    apart = Reshape ATTRIBUTES (embedded, split)
    logits = ReduceSum<keepdims=0>(apart, last)
}"""
# Two dimensions that follow the length, in another order than before: no constant target can say that.
SWAPPED = """{
    embedded = Gather(table, input_ids)
    batch = Shape<start=0, end=1>(embedded)
    length = Shape<start=1, end=2>(embedded)
    turned = Concat<axis=0>(length, batch, hidden)
    mixed = Reshape(embedded, turned)
    logits = Transpose<perm=[1, 0, 2]>(mixed)
}"""


def heads(attributes=""):
    body = HEADS.replace("ATTRIBUTES", attributes)
    return parse(PLAIN + body, table=weights(20, 8), heads=np.array([4, 2]), last=np.array([-1]))


@pytest.mark.parametrize(
    ("before", "after", "target"),
    [
        (("b", "s", 384), ("b", "s", 12, 32), [0, 0, 12, 32]),
        (("b", "s", 12, 32), ("b", "s", 384), [0, 0, 384]),
        (("b", 4, "s", 8), ("b", "s", 32), [0, -1, 32]),
        (("b", "s", 8), (None, 8), [-1, 8]),
        ((None, 8), ("b", "s", 8), None),
        (("b", "s"), ("s", "b"), None),
        (("b", "s"), ("b", 1, 1, "s"), [0, 1, 1, -1]),
        ((4, 2), (8,), [8]),
        (None, ("b", 8), None),
        (("b", 8), None, None),
    ],
)
def test_a_target_keeps_what_it_can_and_infers_at_most_one_dimension(before, after, target):
    assert reshape_target(before, after) == target


def test_every_reshape_of_a_checkpoint_gets_a_constant_target(plain, untouched):
    computed = sum(array_of(node.inputs[1]) is None for node in untouched.graph if node.op_type == "Reshape")
    assert computed >= 8
    assert fix_reshapes(plain, find_shapes(plain)) == f"{computed} of {computed}"
    assert all(array_of(node.inputs[1]) is not None for node in plain.graph if node.op_type == "Reshape")
    assert len(plain.graph) < len(untouched.graph)
    assert operators(plain)["Concat"] < operators(untouched)["Concat"]


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_logits_stay_the_same_to_the_bit(plain, untouched, batch, length):
    fix_reshapes(plain, find_shapes(plain))
    feeds = texts(batch, length, 560)
    np.testing.assert_array_equal(run(plain, feeds), run(untouched, feeds))


# allowzero=1, which torch's newer exporter writes, makes the 0 of a target a dimension of size 0.
@pytest.mark.parametrize("attributes", ["", "<allowzero=0>", "<allowzero=1>"])
def test_a_reshape_into_heads_is_fixed_whatever_its_zeros_mean(attributes):
    model, feeds = heads(attributes), texts(3, 7, 20)
    assert fix_reshapes(model, find_shapes(model)) == "1 of 1"
    assert not operators(model).keys() & {"Shape", "Concat"}
    np.testing.assert_array_equal(run(model, feeds), run(heads(attributes), feeds))


def test_a_reshape_with_two_unknown_dimensions_stays_computed():
    def swapped():
        return parse(PLAIN + SWAPPED, table=weights(20, 8), hidden=np.array([8]))

    model, feeds = swapped(), texts(3, 7, 20)
    assert fix_reshapes(model, find_shapes(model)) == "0 of 1"
    np.testing.assert_array_equal(run(model, feeds), run(swapped(), feeds))


def test_a_reshape_whose_target_is_constant_already_is_not_counted():
    body = "{ embedded = Gather(table, input_ids) logits = Reshape(embedded, same) }"
    model = parse(PLAIN + body, table=weights(20, 8), same=np.array([0, 0, 8]))
    assert fix_reshapes(model, find_shapes(model)) == "0 of 0"
