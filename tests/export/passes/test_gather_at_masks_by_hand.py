"""gather_at_masks on difficult graphs: it leaves what it may not move, and the rows are right."""

import re

import numpy as np
import pytest

from fillmask_export.passes.constant_shapes import make_shapes_constant
from fillmask_export.passes.gather_at_masks import gather_at_masks
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, operators, parse, places, rows_at, run, run_all, texts, weights
from tests.support.rounding import assert_rounded_alike, graph_bound

ARRAYS = {
    "table": weights(20, 8),
    "head": weights(8, 20, seed=1),
    "inner": weights(8, 8, seed=2),
    "scale": weights(8, seed=3),
    "in_heads": np.array([0, 0, 4, 2]),
    "out_of_heads": np.array([0, 0, 8]),
    "flat": np.array([-1, 8]),
    "turned": np.array([0, 8, -1]),
    "axis_1": np.array([1]),
    "axis_2": np.array([2]),
    "length_axis": np.array(1),
    "narrow": np.float32([0.1]),
}

# One attention over the embeddings, whose scores a bias is added to.
ATTENTION = """{
    embedded = Gather(table, input_ids)
    split = Reshape(embedded, in_heads)
    query = Transpose<perm=[0, 2, 1, 3]>(split)
    key = Transpose<perm=[0, 2, 3, 1]>(split)
    scores = MatMul(query, key)
    BIAS
    biased = Add(scores, bias)
    shares = Softmax<axis=-1>(biased)
    mixed = MatMul(shares, query)
    merged = Transpose<perm=[0, 2, 1, 3]>(mixed)
    joined = Reshape(merged, out_of_heads)
    logits = MatMul(joined, head)
}"""
# A bias that differs from row to row and column to column, of the shape [s, s], [1, s, s] or [1, 1, s, s].
BY_DISTANCE = """
    length = Shape<start=1, end=2>(input_ids)
    square = Concat<axis=0>(LEADING length, length)
    filled = Expand(narrow, square)
    from_left = CumSum(filled, axis_of_columns)
    bias = CumSum(from_left, axis_of_rows)
"""
# The additive mask that a traced model makes out of attention_mask: 0 where a token may be seen, far below elsewhere.
BY_PADDING = """
    shape = Shape(input_ids)
    batch = Shape<start=0, end=1>(input_ids)
    length = Shape<start=1, end=2>(input_ids)
    one = Constant<value_ints=[1]>()
    full = Concat<axis=0>(batch, one, length, length)
    both_axes = Constant<value_ints=[1, 2]>()
    spread = Unsqueeze(attention_mask, both_axes)
    squared = Expand(spread, full)
    seen = Cast<to=1>(squared)
    unity = Constant<value_float=1.0>()
    far = Constant<value_float=-10000.0>()
    unseen = Sub(unity, seen)
    bias = Mul(unseen, far)
"""

# The same, as DistilBERT has it: what may be seen is expanded to the shape of the scores, and chooses.
BY_CHOICE = """{
    embedded = Gather(table, input_ids)
    split = Reshape(embedded, in_heads)
    query = Transpose<perm=[0, 2, 1, 3]>(split)
    key = Transpose<perm=[0, 2, 3, 1]>(split)
    scores = MatMul(query, key)
    between = Constant<value_ints=[1, 2]>()
    spread = Unsqueeze(attention_mask, between)
    shape = Shape(scores)
    squared = Expand(spread, shape)
    seen = Cast<to=9>(squared)
    far = Constant<value_float=-10000.0>()
    biased = Where(seen, scores, far)
    shares = Softmax<axis=-1>(biased)
    mixed = MatMul(shares, query)
    merged = Transpose<perm=[0, 2, 1, 3]>(mixed)
    joined = Reshape(merged, out_of_heads)
    logits = MatMul(joined, head)
}"""


def graph(body, **more):
    arrays = {name: array for name, array in (ARRAYS | more).items() if re.search(rf"\b{name}\b", body)}
    return parse(PLAIN + body, **arrays)


def sink(body, **more):
    """Sink a graph and check its rows at several sizes, then give it with the description of the pass."""
    model = graph(body, **more)
    description = gather_at_masks(model, find_shapes(model))
    for batch, length in ((2, 5), (3, 7), (1, 1), (5, 4)):
        feeds = texts(batch, length, 20)
        positions = places(feeds, 3)
        rows = run(model, feeds | {"mask_positions": positions})
        whole = graph(body, **more)
        assert_rounded_alike(rows, rows_at(run(whole, feeds), positions), graph_bound(whole, feeds))
    return model, description


def moved(description):
    """How many nodes and products of attention a pass says that it moved."""
    match = re.fullmatch(r"(\d+) nodes at the masks only, (\d+) of them of attention", description)
    return int(match[1]), int(match[2])


def by_distance(leading):
    rank = len(leading.split(",")) + 1
    body = BY_DISTANCE.replace("LEADING", leading)
    body = body.replace("axis_of_columns", "columns").replace("axis_of_rows", "rows")
    return ATTENTION.replace("BIAS", body), {"ones": np.array([1]), "columns": np.array(-1), "rows": np.array(rank - 2)}


def test_a_whole_head_moves():
    _, description = sink("{ embedded = Gather(table, input_ids) bent = Tanh(embedded) logits = MatMul(bent, head) }")
    assert moved(description) == (2, 0)


@pytest.mark.parametrize("unknown", ["HardSigmoid(before)", "CumSum(before, length_axis)"])
def test_an_unknown_operator_inside_the_head_stops_the_rows_behind_it(unknown):
    body = (
        "{ embedded = Gather(table, input_ids) before = Tanh(embedded) after = UNKNOWN logits = MatMul(after, head) }"
    )
    model, description = sink(body.replace("UNKNOWN", unknown))
    assert moved(description) == (1, 0)
    assert operators(model)["GatherND"] == 1


@pytest.mark.parametrize("unknown", ["HardSigmoid(before)", "CumSum(before, length_axis)"])
def test_an_unknown_operator_that_gives_the_logits_leaves_everything_in_place(unknown):
    body = "{ embedded = Gather(table, input_ids) before = MatMul(embedded, head) logits = UNKNOWN }"
    _, description = sink(body.replace("UNKNOWN", unknown))
    assert moved(description) == (0, 0)


def test_an_embedding_that_is_the_logits_is_gathered():
    _, description = sink("{ logits = Gather(table, input_ids) }")
    assert moved(description) == (0, 0)


def test_a_reshape_that_mixes_tokens_is_not_passed():
    body = """{ embedded = Gather(table, input_ids) mixed = Reshape(embedded, turned)
        back = Transpose<perm=[0, 2, 1]>(mixed) logits = MatMul(back, head) }"""
    model, description = sink(body)
    assert moved(description) == (2, 0)
    assert operators(model)["Reshape"] == 1


def test_a_head_over_flattened_tokens_is_not_passed():
    body = """{ embedded = Gather(table, input_ids) flattened = Reshape(embedded, flat)
        product = MatMul(flattened, inner) shape = Shape(embedded) whole = Reshape(product, shape)
        logits = MatMul(whole, head) }"""
    model, description = sink(body)
    assert moved(description) == (1, 0)
    assert operators(model)["MatMul"] == 2


def test_a_softmax_over_tokens_is_not_passed():
    body = "{ embedded = Gather(table, input_ids) shares = Softmax<axis=1>(embedded) logits = MatMul(shares, head) }"
    assert moved(sink(body)[1]) == (1, 0)


def test_a_transpose_that_names_no_order_turns_all_axes_around():
    body = """{ embedded = Gather(table, input_ids) turned_to_front = Transpose<perm=[2, 1, 0]>(embedded)
        back = Transpose(turned_to_front) logits = MatMul(back, head) }"""
    assert sink(body)


def test_a_mean_over_tokens_is_taken_of_all_tokens():
    body = """{ embedded = Gather(table, input_ids) mean = ReduceMean<keepdims=1>(embedded, axis_1)
        centred = Sub(embedded, mean) logits = MatMul(centred, head) }"""
    assert moved(sink(body)[1]) == (2, 0)


def test_a_mean_over_the_hidden_size_moves():
    body = """{ embedded = Gather(table, input_ids) mean = ReduceMean<keepdims=1>(embedded, axis_2)
        centred = Sub(embedded, mean) logits = MatMul(centred, head) }"""
    assert moved(sink(body)[1]) == (3, 0)


def test_a_tensor_needed_whole_and_at_the_masks_is_computed_once():
    body = """{ embedded = Gather(table, input_ids) shared = MatMul(embedded, inner)
        key = Transpose<perm=[0, 2, 1]>(shared) scores = MatMul(shared, key) shares = Softmax<axis=-1>(scores)
        mixed = MatMul(shares, shared) sum = Add(mixed, shared) logits = MatMul(sum, head) }"""
    model, description = sink(body)
    assert moved(description) == (5, 2)
    assert operators(model)["GatherND"] == 1
    feeds = texts(2, 11, 20)
    found = run_all(model, feeds | {"mask_positions": places(feeds, 3)})
    assert found["shared"].shape == (2, 11, 8)
    assert "shared/at_masks" not in found
    assert sorted(found[name].shape for name in found if name.startswith("scores")) == [(2, 3, 11)]


@pytest.mark.parametrize(("leading", "products"), [("", 1), ("ones,", 2), ("ones, ones,", 2)], ids=["2", "3", "4"])
def test_an_attention_bias_of_any_rank_is_taken_at_the_right_rows(leading, products):
    body, arrays = by_distance(leading)
    _, description = sink(body, **arrays)
    assert 1 <= moved(description)[1] <= products


def test_an_additive_mask_of_every_pair_of_tokens_is_taken_at_its_rows():
    model, description = sink(ATTENTION.replace("BIAS", BY_PADDING))
    assert moved(description) == (11, 2)
    feeds = texts(2, 11, 20)
    found = run_all(model, feeds | {"mask_positions": places(feeds, 3)})
    shares = next(node.outputs[0].name for node in model.graph if node.op_type == "Softmax")
    assert found[shares].shape == (2, 4, 3, 11)


def test_a_mask_expanded_to_the_scores_is_expanded_to_those_of_the_masks():
    model = graph(BY_CHOICE)
    shapes = find_shapes(model)
    make_shapes_constant(model, shapes)
    description = gather_at_masks(model, shapes)
    assert moved(description)[1] == 2
    for batch, length in ((2, 5), (3, 7), (1, 1)):
        feeds = texts(batch, length, 20)
        positions = places(feeds, 3)
        found = run_all(model, feeds | {"mask_positions": positions})
        assert (batch, 4, 3, length) in {array.shape for name, array in found.items() if name.startswith("squared")}
        expected = rows_at(run(graph(BY_CHOICE), feeds), positions)
        assert_rounded_alike(found["logits"], expected, graph_bound(graph(BY_CHOICE), feeds))


def test_a_convolution_over_one_token_at_a_time_moves():
    body = """{ embedded = Gather(table, input_ids) columns = Transpose<perm=[0, 2, 1]>(embedded)
        convolved = Conv<kernel_shape=[1], group=2>(columns, kernel) rows = Transpose<perm=[0, 2, 1]>(convolved)
        logits = MatMul(rows, head) }"""
    assert moved(sink(body, kernel=weights(8, 4, 1))[1]) == (4, 0)


def test_a_convolution_over_several_tokens_is_not_passed():
    body = """{ embedded = Gather(table, input_ids) columns = Transpose<perm=[0, 2, 1]>(embedded)
        convolved = Conv<kernel_shape=[3], pads=[1, 1]>(columns, kernel) rows = Transpose<perm=[0, 2, 1]>(convolved)
        logits = MatMul(rows, head) }"""
    assert moved(sink(body, kernel=weights(8, 8, 3))[1]) == (2, 0)
