import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fillmask_export.passes import make_lean
from fillmask_export.passes.table import tie_table
from fillmask_export.quantization.table import quantize_blocks, quantize_table
from tests.support.graphs import PLAIN, operators, parse, places, run, stored_bytes, texts, weights

EMBEDDINGS = PLAIN.replace("[b,s,v]", "[b,s,h]") + "{ logits = Gather(words, input_ids) }"
BOTH = PLAIN + "{ e = Gather(words, input_ids) logits = MatMul(e, head) }"

BIASED = BOTH.replace("logits = MatMul(e, head)", "z = MatMul(e, head) logits = Add(z, bias)")


def tied(table, text=BOTH, **arrays):
    model = parse(text, words=table, head=np.ascontiguousarray(table.T), **arrays)
    tie_table(model)
    return model


def steps(table, block):
    """How far apart two integers are, at each weight."""
    return np.repeat(np.abs(table.reshape(len(table), -1, block)).max(axis=2) / 127, block, axis=1)


def dequantized(table, block):
    integers, scales = quantize_blocks(table, block)
    return ((integers.astype(np.float32) - 128) * scales[..., None]).reshape(table.shape)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([16, 32, 64, 128]), st.integers(1, 3), st.integers(0, 99), st.floats(-6, 6))
def test_a_weight_moves_by_at_most_half_a_step_of_its_block(block, blocks, seed, size):
    table = weights(7, block * blocks, seed=seed) * np.float32(10**size)
    assert (np.abs(dequantized(table, block) - table) <= steps(table, block) * 0.5001).all()


def test_blocks_are_rounded_one_by_one_and_the_largest_weight_of_each_stays():
    table = weights(9, 48)
    table[:, 16:32] *= 1000
    found = dequantized(table, 16)
    largest = np.abs(table.reshape(9, 3, 16)).argmax(axis=2)[..., None]
    kept = [np.take_along_axis(each.reshape(9, 3, 16), largest, axis=2) for each in (found, table)]
    np.testing.assert_allclose(*kept, rtol=1e-6)


def test_blocks_of_zeros_stay_zero_and_have_a_scale():
    table = weights(3, 32)
    table[1] = 0
    integers, scales = quantize_blocks(table, 16)
    assert (integers[1] == 128).all()
    assert (scales > 0).all()
    assert integers.min() >= 1


@pytest.mark.parametrize(("hidden", "block"), [(384, 128), (64, 64), (96, 32), (48, 16), (16, 16)])
def test_embeddings_are_those_of_the_blocks(hidden, block):
    table, feeds = weights(20, hidden), texts(3, 7, 20)
    model = parse(EMBEDDINGS, words=table)
    assert quantize_table(model) == f"uint8 in blocks of {block}, not shared with the LM head"
    moved = np.abs(run(model, feeds) - table[feeds["input_ids"]])
    assert (moved <= steps(table, block)[feeds["input_ids"]] * 0.6).all()


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5])
def test_embeddings_are_exactly_those_that_the_head_reads(size):
    table, feeds = weights(20, 32) * np.float32(size), texts(3, 7, 20)
    model = parse(EMBEDDINGS, words=table)
    quantize_table(model)
    np.testing.assert_allclose(run(model, feeds), dequantized(table, 32)[feeds["input_ids"]], rtol=1e-6)


def test_a_table_may_have_any_name():
    model = parse(EMBEDDINGS.replace("words", "table"), table=weights(20, 32))
    quantize_table(model)
    assert np.abs(run(model, texts(3, 7, 20)) - weights(20, 32)[texts(3, 7, 20)["input_ids"]]).max() < 0.02


def test_a_head_scores_within_the_rounding_of_table_and_activations():
    table, feeds = weights(50, 64), texts(3, 9, 50)
    model = tied(table)
    expected, rows = run(tied(table), feeds), table[feeds["input_ids"]]
    assert quantize_table(model) == "uint8 in blocks of 64, shared with the LM head"
    table_step = np.abs(table).max() / 127
    row_step = np.abs(rows).max(axis=2, keepdims=True) / 127
    # Three roundings are off by half a step at most: of the row looked up, of it as activation, and of the head.
    bound = np.abs(rows).sum(axis=2, keepdims=True) * table_step + (row_step * np.abs(table).sum(axis=1).max())
    found = np.abs(run(model, feeds) - expected)
    assert (found <= bound).all()
    assert found.max() < 0.02 * np.abs(expected).max()


def test_the_head_adds_its_bias_itself():
    table, bias, feeds = weights(50, 64), weights(1, 50)[0], texts(3, 9, 50)
    model, plain = tied(table, BIASED, bias=bias), tied(table)
    quantize_table(model)
    quantize_table(plain)
    assert (operators(model)["MatMulNBits"], operators(model)["Add"]) == (1, 0)
    expected = run(plain, feeds) + bias
    # The kernel may begin its sum with the bias, which rounds each of 64 products once in another place.
    bound = 64 * np.finfo(np.float32).eps * np.abs(expected).max()
    np.testing.assert_allclose(run(model, feeds), expected, rtol=0, atol=bound)


@pytest.mark.parametrize(
    "bias", [weights(1, 1)[0], weights(9, 50)], ids=["one for all tokens", "one for each position"]
)
def test_a_sum_that_is_no_bias_of_the_head_stays_a_node(bias):
    table, feeds = weights(50, 64), texts(3, 9, 50)
    model, plain = tied(table, BIASED, bias=bias), tied(table)
    quantize_table(model)
    quantize_table(plain)
    assert operators(model)["Add"] == 1
    np.testing.assert_array_equal(run(model, feeds), run(plain, feeds) + bias)


def test_a_shared_table_is_stored_once_as_integers(tmp_path):
    model = tied(weights(50, 64))
    quantize_table(model)
    ir.save(model, tmp_path / "model.onnx")
    saved = ir.load(tmp_path / "model.onnx").graph.initializers.values()
    assert [value.dtype for value in saved if value.const_value.size == 50 * 64] == [ir.DataType.UINT8]


def test_a_checkpoints_table_is_stored_once_as_integers(plain):
    make_lean(plain)
    table = max((value.const_value for value in plain.graph.initializers.values()), key=lambda each: each.size)
    before = stored_bytes(plain)
    assert quantize_table(plain) == "uint8 in blocks of 32, shared with the LM head"
    same = [value for value in plain.graph.initializers.values() if value.const_value.size == table.size]
    assert [value.dtype for value in same] == [ir.DataType.UINT8]
    assert stored_bytes(plain) < before - 2.5 * table.size
    assert operators(plain)["MatMulNBits"] == 1
    assert not operators(plain)["FusedMatMul"]


def test_a_checkpoints_scores_move_little_for_its_table(plain):
    make_lean(plain)
    before, feeds = plain.clone(), texts(3, 20, 500)
    feeds["mask_positions"] = places(feeds, 2)
    quantize_table(plain)
    expected = run(before, feeds)
    assert np.abs(run(plain, feeds) - expected).max() < 0.05 * np.abs(expected).max()


def test_an_untied_head_is_left_to_be_a_product_like_others():
    model, feeds = parse(BOTH, words=weights(20, 32), head=weights(32, 20)), texts(3, 7, 20)
    before = parse(BOTH, words=weights(20, 32), head=weights(32, 20))
    assert quantize_table(model) == "uint8 in blocks of 32, not shared with the LM head"
    assert operators(model)["MatMul"] == 1
    assert operators(model)["MatMulNBits"] == 0
    expected = run(before, feeds)
    assert np.abs(run(model, feeds) - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("hidden", [1, 8, 20, 40, 100])
def test_a_table_whose_width_no_block_divides_stays_and_the_pass_says_so(hidden):
    model, feeds = tied(weights(20, hidden)), texts(3, 7, 20)
    expected = run(model, feeds)
    assert quantize_table(model) == "left in fp32"
    np.testing.assert_array_equal(run(model, feeds), expected)


def test_a_graph_that_looks_nothing_up_stays_and_the_pass_says_so():
    text = PLAIN + "{ f = Cast<to = 1>(input_ids) axis = Constant<value = int64[1] {2}>() logits = Unsqueeze(f, axis) }"
    assert quantize_table(parse(text)) == "left in fp32"


def test_positions_are_kept_in_half_precision():
    text = PLAIN.replace("[b,s,v]", "[b,s,h]") + (
        "{ w = Gather(words, input_ids) p = Gather(positions, attention_mask) logits = Add(w, p) }"
    )
    arrays = {"words": np.zeros((20, 16), dtype=np.float32), "positions": weights(4, 16)}
    model, feeds = parse(text, **arrays), texts(3, 7, 20)
    quantize_table(model)
    half = weights(4, 16).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(run(model, feeds), half[feeds["attention_mask"]])
