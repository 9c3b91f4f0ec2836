"""Heads that share keys and values do so in the fused attention, too: nothing is repeated."""

import numpy as np
import pytest

from fillmask_export.passes.attention import fuse_attention
from fillmask_export.passes.gather_at_masks import gather_at_masks
from fillmask_export.passes.grouped_heads import shared_heads
from fillmask_export.passes.reshapes import fix_reshapes
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, SIZES, operators, parse, places, rows_at, run, texts, weights
from tests.support.rounding import assert_rounded_alike, graph_bound

HEADS, SHARED, SIZE, VOCABULARY = 4, 2, 4, 20
REPEATED = (
    "{0}_one = Unsqueeze({0}_few, axis_2)\n{0}_wide = Expand({0}_one, times)\n{0}_heads = Reshape({0}_wide, joined)"
)
LINES = {
    "split": "\n".join(
        f"embedded_{name} = Gather({name}_table, input_ids)\n{name} = Reshape(embedded_{name}, {name}_apart)\n"
        f"{name}_few = Transpose<perm=[0, 2, 1, 3]>({name})"
        for name in "qkv"
    ),
    "keys": REPEATED.format("k"),
    "values": REPEATED.format("v"),
    "rest": "keys = Transpose<perm=[0, 1, 3, 2]>(k_heads)\nscores = MatMul(q_few, keys)\n"
    "shares = Softmax<axis=-1>(scores)\napart = MatMul(shares, v_heads)\nturned = Transpose<perm=[0, 2, 1, 3]>(apart)\n"
    "logits = Reshape(turned, all_heads)",
}


def grouped(**changes):
    constants = {
        "q_apart": np.array([0, 0, HEADS, SIZE]),
        "k_apart": np.array([0, 0, SHARED, SIZE]),
        "v_apart": np.array([0, 0, SHARED, SIZE]),
        "axis_2": np.array([2]),
        "axis_1": np.array([1]),
        "times": np.array([1, 1, HEADS // SHARED, 1, 1]),
        "times_in_front": np.array([1, HEADS // SHARED, 1, 1, 1]),
        "joined": np.array([0, HEADS, -1, SIZE]),
        "all_heads": np.array([0, 0, HEADS * SIZE]),
        "q_table": weights(VOCABULARY, HEADS * SIZE),
        "k_table": weights(VOCABULARY, SHARED * SIZE, seed=1),
        "v_table": weights(VOCABULARY, SHARED * SIZE, seed=2),
    }
    body = "\n".join((LINES | changes).values())
    used = {name: array for name, array in constants.items() if f"{name})" in body or f"{name}," in body}
    return parse(PLAIN + "{" + body + "}", **used)


def fused(model):
    shapes = find_shapes(model)
    fix_reshapes(model, shapes)
    assert fuse_attention(model, shapes) == "1 of 1"
    return shapes


def check(model, plain):
    for size in SIZES:
        feeds = texts(*size, VOCABULARY)
        positions = places(feeds, 3)
        rows = rows_at(run(plain, feeds), positions)
        assert_rounded_alike(run(model, feeds | {"mask_positions": positions}), rows, graph_bound(plain, feeds))


def test_keys_and_values_are_not_repeated():
    model = grouped()
    shapes = fused(model)
    assert not operators(model)["Expand"]
    (node,) = [node for node in model.graph if node.op_type == "Attention"]
    assert [shapes[value.name][1] for value in node.inputs[:3]] == [HEADS, SHARED, SHARED]
    gather_at_masks(model, shapes)
    check(model, grouped())


# Heads in another order, and values of which each head has its own.
OTHER = {
    "a repeat of the whole": {
        "keys": LINES["keys"].replace("axis_2", "axis_1").replace("times", "times_in_front"),
        "values": LINES["values"].replace("axis_2", "axis_1").replace("times", "times_in_front"),
    },
    "keys alone": {
        "split": LINES["split"].replace("Gather(v_table", "Gather(q_table").replace(
            "Reshape(embedded_v, v_apart)", "Reshape(embedded_v, q_apart)"
        ),
        "values": "v_heads = Identity(v_few)",
    },
}  # fmt: skip


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER)
def test_another_repeat_stays(changes):
    model = grouped(**changes)
    shapes = fused(model)
    assert operators(model)["Expand"] >= 1
    gather_at_masks(model, shapes)
    check(model, grouped(**changes))


def test_a_tensor_that_is_repeated_nowhere_has_no_shared_heads():
    model = grouped()
    shapes = find_shapes(model)
    named = {value.name: value for node in model.graph for value in node.outputs}
    assert shared_heads(named["k_heads"], shapes) is named["k_few"]
    assert shared_heads(named["k_few"], shapes) is None
    assert shared_heads(named["q_few"], shapes) is None
