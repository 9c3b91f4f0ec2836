import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export.errors import ExportError
from fillmask_export.passes import make_lean
from fillmask_export.passes.table import tie_table
from fillmask_export.probes import Probe
from fillmask_export.quantization import quantize
from fillmask_export.quantization.gptq_int4 import BLOCK, find_scales, round_table
from fillmask_export.quantization.table import quantize_table
from fillmask_export.quantization.table_int4 import pack, quantize_table_to_4_bits
from tests.support.graphs import PLAIN, operators, parse, places, run, stored_bytes, texts, weights

BOTH = PLAIN + "{ e = Gather(words, input_ids) logits = MatMul(e, head) }"


def tied(table):
    model = parse(BOTH, words=table, head=np.ascontiguousarray(table.T))
    tie_table(model)
    return model


def probes(vocab_size):
    ids = texts(1, 40, vocab_size)["input_ids"][0]
    return [Probe(np.roll(ids, shift), np.arange(4), np.zeros(4, dtype=np.int64)) for shift in range(4)]


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_embeddings_are_exactly_those_that_the_head_reads(blocks):
    table, feeds = weights(50, BLOCK * blocks), texts(3, 9, 50)
    model, rows = tied(table), table[feeds["input_ids"]]
    assert quantize_table_to_4_bits(model, probes(50)) == "4 bits in blocks of 32, shared with the LM head"
    assert quantize_table(model) == "in integers already"
    rounded = round_table(table, _calibration(table)).floats()
    (embeddings,) = (node.outputs[0] for node in model.graph if node.op_type == "Reshape" and _feeds_head(node))
    model.graph.outputs.append(embeddings)
    embeddings.type = ir.TensorType(ir.DataType.FLOAT)
    found = run_embeddings(model, feeds, embeddings.name)
    np.testing.assert_allclose(found, rounded[feeds["input_ids"]], rtol=1e-6)
    assert np.abs(found - rows).max() > 0
    # MatMulNBits rounds each row that it multiplies to 8 bits.
    step = np.abs(found).max(axis=2, keepdims=True) / 127
    bound = step * np.abs(rounded).sum(axis=1).max()
    assert (np.abs(run(model, feeds) - found @ rounded.T) <= bound).all()


def _calibration(table):
    ids = [probe.input_ids for probe in probes(50)]
    return np.concatenate([table[row] for row in ids])


def _feeds_head(node):
    return any(user.op_type == "Shape" for user, _ in node.outputs[0].uses())  # with_extra_row reads its shape


def run_embeddings(model, feeds, name):
    from tests.support.graphs import run_all

    return run_all(model, feeds, [name])[name]


def test_a_block_keeps_zero_and_moves_no_weight_by_more_than_a_step():
    blocks = weights(30, 4, BLOCK)
    blocks[3, 1] = 0
    blocks[4] = np.abs(blocks[4])
    scales, zero_points = find_scales(blocks)
    integers = np.clip(np.round(blocks / scales[..., None] + zero_points[..., None]), 0, 15)
    rounded = (integers - zero_points[..., None]) * scales[..., None]
    whole = (np.maximum(blocks.max(axis=2), 0) - np.minimum(blocks.min(axis=2), 0)) / 15
    inside = np.abs(rounded - blocks).mean(axis=2)
    assert (inside <= whole * 0.5).all()
    assert (rounded[3, 1] == 0).all()
    assert (zero_points == zero_points.round()).all()
    assert ((zero_points >= 0) & (zero_points <= 15)).all()


def test_a_searched_range_is_closer_than_the_whole_one():
    blocks = np.random.default_rng(0).standard_t(3, (200, 2, BLOCK)).astype(np.float32)
    scales, zero_points = find_scales(blocks)
    low, high = blocks.min(axis=2), blocks.max(axis=2)
    whole = ((high - low) / 15, np.round(-low / ((high - low) / 15)))
    errors = []
    for scale, zero_point in ((scales, zero_points), whole):
        integers = np.clip(np.round(blocks / scale[..., None] + zero_point[..., None]), 0, 15)
        errors.append(np.square((integers - zero_point[..., None]) * scale[..., None] - blocks).sum())
    assert errors[0] < 0.96 * errors[1]


def test_rounding_in_turn_serves_the_heads_products():
    table = weights(300, 64)
    mixing = np.random.default_rng(0).standard_normal((64, 64)) * np.linspace(0.1, 2, 64)
    rows = (np.random.default_rng(1).standard_normal((1000, 64)) @ mixing).astype(np.float32)
    in_turn = round_table(table, rows).floats()
    alone = round_table(table, np.eye(64, dtype=np.float32)).floats()
    errors = [np.square(rows @ (rounded - table).T).mean() for rounded in (in_turn, alone)]
    assert errors[0] < 0.85 * errors[1]


@pytest.mark.parametrize("count", [2, 6, 7])
def test_two_integers_share_a_byte_the_first_in_its_lower_half(count):
    integers = np.random.default_rng(0).integers(0, 16, (5, count)).astype(np.uint8)
    packed = pack(integers)
    pairs = np.stack([packed & 15, packed >> 4], axis=-1).reshape(5, -1)
    np.testing.assert_array_equal(pairs[:, :count], integers)
    assert packed.shape == (5, (count + 1) // 2)


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


def test_a_checkpoints_table_is_stored_once_in_half_a_byte_a_weight(lean):
    table = max((value.const_value for value in lean.graph.initializers.values()), key=lambda each: each.size)
    before = stored_bytes(lean)
    quantize_table_to_4_bits(lean, probes(500))
    assert stored_bytes(lean) < before - 3.2 * table.size
    assert not [value for value in lean.graph.initializers.values() if value.const_value.size == table.size]
    assert operators(lean)["MatMulNBits"] == 1
    assert not operators(lean)["FusedMatMul"]


def test_a_checkpoints_scores_move_little_for_its_table_and_int8_leaves_that_as_it_is(lean):
    before, feeds = lean.clone(), texts(3, 20, 500)
    feeds["mask_positions"] = places(feeds, 2)
    quantize_table_to_4_bits(lean, probes(500))
    expected = run(before, feeds)
    moved = np.abs(run(lean, feeds) - expected)
    assert 0 < np.sqrt(np.square(moved).mean()) < 0.35 * expected.std()
    table = lean.graph.initializers["table"].const_value.numpy()
    assert "in integers already" in quantize(lean, probes(500))
    assert [name for name in lean.graph.initializers if "table_scale" in name] == ["table_scale"]
    np.testing.assert_array_equal(lean.graph.initializers["table"].const_value.numpy(), table)
    assert operators(lean)["MatMulNBits"] == 1


def test_a_table_that_is_not_shared_or_that_no_block_divides_is_refused():
    untied = parse(BOTH, words=weights(20, 32), head=weights(32, 20))
    with pytest.raises(ExportError, match="int4 is for a table that embeddings and LM head share"):
        quantize_table_to_4_bits(untied, probes(20))
    with pytest.raises(ExportError, match="needs a table whose width 32 divides; this model's is 40 wide"):
        quantize_table_to_4_bits(tied(weights(20, 40)), probes(20))
