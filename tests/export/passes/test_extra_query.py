"""Attention at the masks has one query more than masks, and gives the rows that it gave without."""

import pytest

from fillmask_export.passes import make_lean
from fillmask_export.passes.attention import fuse_attention
from fillmask_export.passes.constant_shapes import make_shapes_constant
from fillmask_export.passes.gather_at_masks import gather_at_masks
from fillmask_export.passes.reshapes import fix_reshapes
from fillmask_export.shapes import find_shapes
from tests.support.graphs import places, rows_at, run, texts
from tests.support.rounding import assert_rounded_alike, graph_bound


def attentions(model):
    """Nodes that add up over tokens for the masks alone."""
    return [node for node in model.graph if node.outputs[0].name.endswith("/with_one_more/at_masks")]


def test_the_last_attention_of_a_lean_graph_has_one_query_more(plain):
    make_lean(plain)
    (attention,) = attentions(plain)
    assert attention.op_type == "Attention"
    assert [attention.inputs[index].producer().op_type for index in (0, 3)] == ["Pad", "Pad"]
    assert [user.op_type for user, _ in attention.outputs[0].uses()] == ["Slice"]


def test_of_a_traced_attention_the_product_with_the_values_has_one_query_more(plain):
    shapes = find_shapes(plain)
    fix_reshapes(plain, shapes)
    make_shapes_constant(plain, shapes)
    gather_at_masks(plain, shapes)
    (product,) = attentions(plain)
    assert product.op_type == "MatMul"
    assert product.inputs[0].producer().op_type == "Pad"


@pytest.mark.parametrize("fused", [True, False], ids=["Attention", "two products"])
@pytest.mark.parametrize("masks", [1, 3])
def test_the_rows_are_those_without_it(plain, untouched, fused, masks):
    shapes = find_shapes(plain)
    if fused:
        fuse_attention(plain, shapes)
    gather_at_masks(plain, shapes)
    feeds = texts(2, 11, 560)
    positions = places(feeds, masks)
    rows = run(plain, feeds | {"mask_positions": positions})
    assert_rounded_alike(rows, rows_at(run(untouched, feeds), positions), graph_bound(untouched, feeds))
