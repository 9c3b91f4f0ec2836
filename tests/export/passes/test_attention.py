"""Attention is found in the shapes it is traced in, replaced by one operator, and gives what it gave."""

import numpy as np
import pytest

from fillmask_export.passes.attention import fuse_attention
from fillmask_export.passes.constant_shapes import make_shapes_constant
from fillmask_export.passes.gather_at_masks import gather_at_masks
from fillmask_export.passes.reshapes import fix_reshapes
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, SIZES, operators, parse, run, texts, weights
from tests.support.rounding import assert_rounded_alike, graph_bound

HEADS, SIZE, VOCABULARY = 2, 4, 20
WIDTH = HEADS * SIZE
SPLIT = "{name} = Reshape(embedded_{name}, apart_target)\n{name}_heads = Transpose<perm=[0, 2, 1, 3]>({name})"
# Each part of an attention as one model or the other is traced.
KEYS = {
    "turned at once": "keys = Transpose<perm=[0, 2, 3, 1]>(k)",
    "turned after the split": "keys = Transpose<perm=[0, 1, 3, 2]>(k_heads)",
    "turned after a rotation": "turning = Mul(k_heads, angles)\nkeys = Transpose<perm=[0, 1, 3, 2]>(turning)",
}
SCALES = {
    "divided": "scaled = Div(scores, two)",
    "multiplied": "scaled = Mul(scores, two)",
    "left": "",
}
MASKS = {
    "none": "",
    "of each text": "masked = Add(scaled, padding)",
    "in front": "masked = Add(padding, scaled)",
    "of each pair": "masked = Add(scaled, whole)",
    "with distances": "far = Add(padding, distances)\nmasked = Add(scaled, far)",
    "behind distances": "near = Add(scaled, distances)\nmasked = Add(near, padding)",
    "in place of scores": "masked = Where(absent_pairs, lowest, scaled)",
    "in place of sums": "near = Add(distances, scaled)\nmasked = Where(absent_pairs, lowest, near)",
}
PADDING = """
    float_mask = Cast<to=1>(attention_mask)
    absent = Sub(one, float_mask)
    huge = Mul(absent, lowest)
    padding = Unsqueeze(huge, middle)
    length = Shape<start=1, end=2>(input_ids)
    square_shape = Concat<axis=0>(length, length)
    square = ConstantOfShape(square_shape)
    whole = Add(padding, square)
    height = Concat<axis=0>(size_1, size_heads, length, length)
    distances = ConstantOfShape<value = float[1] {0.5}>(height)
    absent_keys = Equal(attention_mask, zero)
    absent_columns = Unsqueeze(absent_keys, middle)
    absent_spread = Expand(absent_columns, height)
    absent_pairs = Cast<to=9>(absent_spread)
"""


EMBED = "\n".join(f"embedded_{name} = Gather({name}_table, input_ids)" for name in "qkv")
SPLITS = "\n".join(SPLIT.format(name=name) for name in "qkv")


def attention(keys="turned at once", scale="divided", mask="of each text", **changes):
    lines = {
        "embed": EMBED,
        "split": SPLITS,
        "padding": PADDING,
        "keys": KEYS[keys],
        "product": "scores = MatMul(q_heads, keys)",
        "scale": SCALES[scale],
        "mask": MASKS[mask],
        "softmax": "shares = Softmax<axis=-1>(masked)",
        "result": "apart = MatMul(shares, v_heads)\nturned = Transpose<perm=[0, 2, 1, 3]>(apart)\n"
        "logits = Reshape(turned, joined)",
    } | changes
    constants = {
        "apart_target": np.array([0, 0, HEADS, SIZE]),
        "joined": np.array([0, 0, WIDTH]),
        "two": np.float32(2),
        "one": np.float32(1),
        "nothing": np.float32(0),
        "one_head": np.array([0, 0, 1, SIZE]),
        "narrow_table": weights(VOCABULARY, SIZE),
        "zero": np.int64(0),
        "lowest": np.finfo(np.float32).min,
        "middle": np.array([1, 2]),
        "size_1": np.array([1]),
        "size_heads": np.array([HEADS]),
        "last": np.array([-1]),
        "second": np.array([2]),
        "angles": weights(SIZE, seed=7),
        **{f"{name}_table": weights(VOCABULARY, WIDTH, seed=seed) for seed, name in enumerate("qkv")},
    }
    body = "\n".join(lines.values())
    body = body if lines["scale"] else body.replace("scaled", "scores")
    body = body if lines["mask"] else body.replace("(masked)", "(scores)" if not lines["scale"] else "(scaled)")
    used = {
        name: array
        for name, array in constants.items()
        if name in body.replace("(", " ").replace(")", " ").replace(",", " ").split()
    }
    return parse(PLAIN + "{" + body + "}", **used)


def check(model, fused, expected=None):
    before = {size: run(model, texts(*size, VOCABULARY)) for size in SIZES}
    bounds = {size: graph_bound(model, texts(*size, VOCABULARY)) for size in SIZES}
    shapes = find_shapes(model)
    fix_reshapes(model, shapes)
    make_shapes_constant(model, shapes)
    assert fuse_attention(model, shapes) == fused
    assert operators(model)["Attention"] == int(fused[0])
    for size, logits in before.items():
        assert_rounded_alike(run(model, texts(*size, VOCABULARY)), logits, bounds[size])
    return model


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("keys", KEYS)
def test_attention_is_fused_however_it_is_traced(keys, scale, mask):
    model = check(attention(keys, scale, mask), "1 of 1")
    assert not operators(model)["Softmax"]
    # Where all come from and go to [b, s, h · d] nothing is turned; rotated keys are not of that form.
    assert operators(model)["Transpose"] == (4 if "rotation" in keys else 0)


def test_a_scale_of_the_queries_is_taken_off_them():
    model = check(attention(product="small = Div(q_heads, two)\nscores = MatMul(small, keys)"), "1 of 1")
    (node,) = [node for node in model.graph if node.op_type == "Attention"]
    assert node.attributes["scale"].as_float() == 0.25
    assert not operators(model)["Div"]


def test_heads_that_are_not_joined_stay_apart():
    check(attention(result="apart = MatMul(shares, v_heads)\nlogits = ReduceSum<keepdims=0>(apart, last)"), "1 of 1")


LEFT = {
    "the shares are read elsewhere too": {
        "result": "apart = MatMul(shares, v_heads)\nmean = ReduceMean(shares)\nadded = Add(apart, mean)\n"
        "logits = ReduceSum<keepdims=0>(added, last)"
    },
    "shares of queries": {"softmax": "shares = Softmax<axis=2>(masked)"},
    "a scale of each pair": {"product": "raw = MatMul(q_heads, keys)\nscores = Mul(raw, distances)"},
    "a scale of 0": {"product": "raw = MatMul(q_heads, keys)\nscores = Mul(raw, nothing)"},
    "a mask that hides little": {
        "softmax": "hidden = Where(absent_pairs, one, masked)\nshares = Softmax<axis=-1>(hidden)"
    },
    "keys that heads share": {
        "embed": EMBED.replace("embedded_k = Gather(k_table", "embedded_k = Gather(narrow_table"),
        "split": SPLITS.replace("Reshape(embedded_k, apart_target)", "Reshape(embedded_k, one_head)"),
    },
    "shares on the right": {
        "result": "v_turned = Transpose<perm=[0, 1, 3, 2]>(v_heads)\napart = MatMul(v_turned, shares)\n"
        "logits = ReduceSum<keepdims=0>(apart, second)"
    },
}


@pytest.mark.parametrize("changes", LEFT.values(), ids=LEFT)
def test_what_is_no_attention_is_left(changes):
    check(attention(**changes), "0 of 1")


def test_a_softmax_over_a_vocabulary_is_none():
    model = parse(PLAIN + "{ rows = Gather(table, input_ids)\n logits = Softmax<axis=-1>(rows) }", table=weights(20, 8))
    assert fuse_attention(model, find_shapes(model)) == "0 of 1"
    assert model.opset_imports[""] == 18


def test_layers_share_the_mask_that_was_widened():
    again = (
        "apart = MatMul(shares, v_heads)\nmore = Softmax<axis=-1>(masked)\nonce_more = MatMul(more, v_heads)\n"
        "both = Add(apart, once_more)\nturned = Transpose<perm=[0, 2, 1, 3]>(both)\nlogits = Reshape(turned, joined)"
    )
    model = attention(result=again)
    shapes = find_shapes(model)
    assert fuse_attention(model, shapes) == "2 of 2"
    assert operators(model)["Expand"] == 1


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("keys", KEYS)
def test_the_queries_of_a_fused_attention_are_those_at_the_masks(keys, mask):
    plain, lean = attention(keys, mask=mask), attention(keys, mask=mask)
    shapes = find_shapes(lean)
    fuse_attention(lean, shapes)
    assert "1 of them of attention" in gather_at_masks(lean, shapes)
    for size in SIZES:
        feeds = texts(*size, VOCABULARY)
        positions = np.random.default_rng(0).integers(0, size[1], size=(size[0], 3))
        rows = np.take_along_axis(run(plain, feeds), positions[..., None], axis=1)
        assert_rounded_alike(run(lean, feeds | {"mask_positions": positions}), rows, graph_bound(plain, feeds))
