"""Long rows that nothing pads attend without a mask; all others, and every other mask, stay as they were."""

import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.passes.long_attention import LEAST, attend_without_mask
from tests.support.graphs import PLAIN, operators, parse, run, weights

HEADS, SIZE, VOCABULARY, MAX_LENGTH = 2, 4, 20, 512
WIDTH = HEADS * SIZE
LARGEST = 4  # value of a table
EPSILON = np.finfo(np.float32).eps
PADDING = """
    length = Shape<start=1, end=2>(input_ids)
    float_mask = Cast<to=1>(attention_mask)
    absent = Sub(one, float_mask)
    huge = Mul(absent, lowest)
    narrow = Unsqueeze(huge, middle)
    wide = Concat<axis=0>(size_1, size_1, length, size_1)
    padding = Expand(narrow, wide)
"""
EMBED = "\n".join(f"{name} = Gather({name}_table, input_ids)" for name in "qkv") + "\n"
JOINED = EMBED + f"logits = Attention<scale=0.3, q_num_heads={HEADS}, kv_num_heads={HEADS}>(q, k, v, padding)"
APART = (
    EMBED
    + "\n".join(f"{n}_ = Reshape({n}, apart)\n{n}4 = Transpose<perm=[0, 2, 1, 3]>({n}_)" for n in "qkv")
    + "\nfour = Attention<scale=0.3>(q4, k4, v4, padding)\nturned = Transpose<perm=[0, 2, 1, 3]>(four)\n"
    + "logits = Reshape(turned, joined)"
)
LAYOUTS = {"joined heads": JOINED, "heads apart": APART}


def graph(body, padding=PADDING):
    constants = {
        "one": np.float32(1),
        "lowest": np.finfo(np.float32).min,
        "middle": np.array([1, 2]),
        "size_1": np.array([1]),
        "apart": np.array([0, 0, HEADS, SIZE]),
        "one_head": np.array([0, 0, 1, SIZE]),
        "joined": np.array([0, 0, WIDTH]),
        "near": np.float32(450),
        "zero": np.int64(0),
        "zero_f": np.float32(0),
        "slope": np.float32(-0.1),
        "start": np.array(0),
        "step": np.array(1),
        "axis_0": np.array([0]),
        "axis_1": np.array([1]),
        "one_head_table": weights(VOCABULARY, SIZE, seed=9),
        **{f"{name}_table": weights(VOCABULARY, WIDTH, seed=seed) for seed, name in enumerate("qkv")},
    }
    text = padding + body
    words = set(text.replace("(", " ").replace(")", " ").replace(",", " ").split())
    return parse(f"{PLAIN}{{{text}}}", 23, **{name: array for name, array in constants.items() if name in words})


def branches(model):
    """The nodes of long rows, and those of all others."""
    (chosen,) = (node for node in model.graph if node.op_type == "If")
    return [[*chosen.attributes[name].as_graph()] for name in ("then_branch", "else_branch")]


def rows(batch, length, padded=0):
    ids = np.random.default_rng([batch, length]).integers(5, VOCABULARY, size=(batch, length))
    attended = np.ones_like(ids)
    attended[-1, length - padded :] = 0
    return {"input_ids": ids * attended, "attention_mask": attended}


SHORT_OR_PADDED = [rows(1, 1), rows(2, LEAST - 1), rows(2, LEAST, padded=1), rows(3, 500, padded=120)]
LONG = [rows(1, LEAST), rows(2, 500)]


@pytest.mark.parametrize("body", LAYOUTS.values(), ids=LAYOUTS)
def test_both_branches_give_what_the_attention_gave(body):
    before, model = graph(body), graph(body)
    assert attend_without_mask(model, MAX_LENGTH) == 1
    for feeds in SHORT_OR_PADDED:
        assert np.array_equal(run(model, feeds), run(before, feeds))
    for feeds in LONG:  # sums of as many values as there are tokens, in another order
        bound = LARGEST * feeds["input_ids"].shape[1] * EPSILON
        np.testing.assert_allclose(run(model, feeds), run(before, feeds), rtol=0, atol=bound)


@pytest.mark.parametrize("body", LAYOUTS.values(), ids=LAYOUTS)
def test_only_long_rows_without_padding_take_the_other_branch(body):
    before, model = graph(body), graph(body)
    attend_without_mask(model, MAX_LENGTH)
    for node in branches(model)[0]:
        if node.op_type == "MultiHeadAttention":
            node.attributes["scale"] = ir.AttrFloat32("scale", 3.0)
    assert all(np.array_equal(run(model, feeds), run(before, feeds)) for feeds in SHORT_OR_PADDED)
    assert not any(np.allclose(run(model, feeds), run(before, feeds), atol=1e-2) for feeds in LONG)


def test_rows_longer_than_the_masks_were_tried_at_keep_their_mask(monkeypatch):
    monkeypatch.setattr("fillmask_export.passes.long_attention._LONGEST_TRIAL", 450)
    before, model = graph(JOINED), graph(JOINED)
    attend_without_mask(model, MAX_LENGTH)
    (long,) = branches(model)[0]
    long.attributes["scale"] = ir.AttrFloat32("scale", 3.0)
    assert np.array_equal(run(model, rows(1, 451)), run(before, rows(1, 451)))
    assert not np.allclose(run(model, rows(1, 450)), run(before, rows(1, 450)), atol=1e-2)


@pytest.mark.parametrize("body", LAYOUTS.values(), ids=LAYOUTS)
def test_a_long_row_has_the_same_bits_beside_rows_of_its_length(body):
    model = graph(body)
    attend_without_mask(model, MAX_LENGTH)
    feeds = rows(4, 500)
    together = run(model, feeds)
    for row in range(4):
        alone = {name: array[row : row + 1] for name, array in feeds.items()}
        assert np.array_equal(run(model, alone)[0], together[row])


def test_the_scale_and_the_branch_of_short_rows_are_those_of_the_attention():
    model = graph(JOINED)
    attend_without_mask(model, MAX_LENGTH)
    (long,), (short,) = branches(model)
    assert (long.op_type, long.domain, short.op_type) == ("MultiHeadAttention", "com.microsoft", "Attention")
    assert long.attributes["scale"].as_float() == short.attributes["scale"].as_float() == pytest.approx(0.3)
    assert len(long.inputs) == 3


WITH_DISTANCES = """
    count = Squeeze(length, axis_0)
    places = Range(start, count, step)
    across = Unsqueeze(places, axis_0)
    down = Unsqueeze(places, axis_1)
    signed = Sub(across, down)
    far = Abs(signed)
    distance = Cast<to=1>(far)
"""
OTHER_MASKS = {
    "a window that most texts fit in": WITH_DISTANCES
    + "outside = Greater(distance, near)\nwindow = Where(outside, lowest, zero_f)\nmask = Add(padding, window)\n",
    "biases of distance": WITH_DISTANCES + "bias = Mul(distance, slope)\nmask = Add(padding, bias)\n",
    "a mask of the tokens": "gone = Equal(input_ids, zero)\ngone_f = Cast<to=1>(gone)\nhidden = Mul(gone_f, lowest)\n"
    "column = Unsqueeze(hidden, middle)\nmask = Add(padding, column)\n",
}


@pytest.mark.parametrize("mask", OTHER_MASKS.values(), ids=OTHER_MASKS)
def test_a_mask_that_does_more_than_hide_padding_stays(mask):
    model = graph(JOINED.replace("padding)", "mask)"), PADDING + mask)
    assert attend_without_mask(model, MAX_LENGTH) == 0
    assert operators(model)["Attention"] == 1
    assert not operators(model)["If"]


def test_heads_that_share_keys_keep_their_attention():
    shared = APART.replace("k_table", "one_head_table").replace("v_table", "one_head_table")
    model = graph(shared.replace("Reshape(k, apart)", "Reshape(k, one_head)").replace("(v, apart)", "(v, one_head)"))
    assert attend_without_mask(model, MAX_LENGTH) == 0


def test_a_model_of_short_texts_has_one_branch():
    model = graph(JOINED)
    assert attend_without_mask(model, LEAST - 1) == 0
    assert operators(model)["Attention"] == 1


@pytest.mark.parametrize("family", ["wordpiece", "wordpiece_cased", "bytelevel", "unigram"])
def test_the_attention_at_the_masks_keeps_its_mask(plain, family):
    """Its queries are few. Only the layers before it read whole texts."""
    make_lean(plain)
    layers = operators(plain)["Attention"]
    assert attend_without_mask(plain, MAX_LENGTH) == layers - 1 > 0
    assert operators(plain)["Attention"] == 1
