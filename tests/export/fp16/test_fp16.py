import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from fillmask_export.fp16.casts import cast_between
from fillmask_export.fp16.fp16 import LARGEST, to_fp16
from fillmask_export.fp16.ranges import find_infinite, find_ranges
from fillmask_export.passes import make_lean
from fillmask_export.probes import Probe
from tests.support.graphs import PLAIN, operators, parse, places, run, run_all, stored_bytes, texts, weights

HIDDEN = PLAIN.replace("[b,s,v]", "[b,s,h]")
HALF, SINGLE = ir.DataType.FLOAT16, ir.DataType.FLOAT


def probes(vocab_size, count=4):
    feeds = texts(1, 12, vocab_size)["input_ids"]
    return [Probe(np.roll(feeds[0], shift), np.array([1]), np.array([0])) for shift in range(count)]


def halved(text, vocab_size=20, **arrays):
    """A hand-made graph in half precision, and its description."""
    model = parse(HIDDEN + text, **arrays)
    return model, to_fp16(model, probes(vocab_size))


class FusedMatMul(OpRun):
    """ONNX Runtime's product with a transposed right side, in numpy."""

    op_domain = "com.microsoft"

    def _run(self, left, right, transB=None):  # noqa: N803 -- the operator's attribute
        return (np.matmul(left, right.T if transB else right),)


def compute(model, feeds):
    """The logits, each node computed in the precision that it is given: numpy's float16 overflows where a GPU's does.

    ONNX Runtime's CPU kernels do not always round between two nodes.
    """
    evaluator = ReferenceEvaluator(ir.to_proto(model), new_ops=[FusedMatMul])
    with np.errstate(all="ignore"):
        (logits,) = evaluator.run(["logits"], {name: feeds[name] for name in evaluator.input_names})
    return logits


def given_as(model, dtype):
    """The operators that give tensors of a type, by what ONNX Runtime says."""
    names = {value.name: node.op_type for node in model.graph for value in node.outputs}
    feeds = texts(2, 9, 20) | {"mask_positions": np.zeros((2, 1), dtype=np.int64)}
    return {names[name] for name, array in run_all(model, feeds).items() if name in names and array.dtype == dtype}


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


@pytest.fixture
def feeds():
    made = texts(3, 20, 500)
    return made | {"mask_positions": places(made, 2)}


def test_a_checkpoints_scores_move_by_half_precisions_rounding_and_no_more(lean, feeds):
    expected = run(lean, feeds)
    to_fp16(lean, probes(500))
    found = compute(lean, feeds)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def test_a_checkpoint_takes_half_the_bytes_and_its_table_is_stored_once(lean):
    before = stored_bytes(lean)
    table = max((value.const_value for value in lean.graph.initializers.values()), key=lambda each: each.size)
    to_fp16(lean, probes(500))
    assert stored_bytes(lean) < 0.52 * before
    same = [value for value in lean.graph.initializers.values() if value.const_value.size == table.size]
    assert [value.dtype for value in same] == [HALF]


def test_layer_norms_and_softmax_stay_in_half_and_casts_are_few(lean):
    before = operators(lean)["Cast"]
    to_fp16(lean, probes(500))
    assert {"LayerNormalization", "MatMul", "FusedMatMul"} <= given_as(lean, np.float16)
    assert not given_as(lean, np.float32) & {"Attention", "LayerNormalization", "MatMul", "Softmax"}
    assert operators(lean)["Cast"] - before <= 4


def test_padding_moves_a_text_by_rounding_alone(lean, feeds):
    to_fp16(lean, probes(500))
    alone = {name: array[1:2] for name, array in feeds.items()}
    length = int(alone["attention_mask"].sum())
    cut = {name: array if name == "mask_positions" else array[:, :length] for name, array in alone.items()}
    assert length < 20
    np.testing.assert_allclose(compute(lean, cut), compute(lean, feeds)[1:2], atol=0.02)


def test_a_row_in_which_all_is_masked_gives_numbers(lean, feeds):
    to_fp16(lean, probes(500))
    feeds["attention_mask"][0] = 0
    assert np.isfinite(compute(lean, feeds)).all()


STREAM = "{ e = Gather(words, input_ids) big = Mul(e, size) more = Add(big, e) logits = Div(more, size) }"


def test_what_comes_near_the_end_of_half_precision_stays_in_single():
    arrays = {"words": weights(20, 8), "size": np.full(1, 60000, dtype=np.float32)}
    model, description = halved(STREAM, **arrays)
    feeds = texts(2, 9, 20)
    np.testing.assert_allclose(compute(model, feeds), run(parse(HIDDEN + STREAM, **arrays), feeds), rtol=2e-3)
    assert f"3 beyond {LARGEST:.0f}" in description
    assert given_as(model, np.float16) == {"Gather"}


def test_the_same_graph_without_the_rule_is_infinite():
    model = parse(HIDDEN + STREAM, words=weights(20, 8), size=np.full(1, 60000, dtype=np.float32))
    names = set(find_ranges(model, []))
    cast_between(model, set(model.graph), names)
    assert not np.isfinite(compute(model, texts(2, 9, 20))).all()
    assert find_infinite(model, probes(20))


def test_constants_that_half_precision_does_not_hold_stay_in_single():
    text = "{ e = Gather(words, input_ids) logits = Mul(e, factor) }"
    model, description = halved(text, words=weights(20, 8) * 1e-4, factor=np.full(8, 1e5, dtype=np.float32))
    assert "beyond" in description
    assert np.isfinite(compute(model, texts(2, 9, 20))).all()
    assert np.abs(compute(model, texts(2, 9, 20))).max() > 1


NORM = """{
    e = Gather(words, input_ids) square = Mul(e, e) axis = Constant<value = int64[1] {-1}>()
    mean = ReduceMean(square, axis) sum = Add(mean, epsilon) root = Sqrt(sum) logits = Div(e, root)
}"""


def test_a_norm_that_is_spelled_out_divides_by_no_zero():
    words = weights(20, 8) * np.float32(1e-4)
    words[7] = 0
    arrays = {"words": words, "epsilon": np.full(1, 1e-12, dtype=np.float32)}
    model, description = halved(NORM, **arrays)
    feeds = texts(2, 9, 20)
    feeds["input_ids"][0, 0] = 7
    np.testing.assert_allclose(compute(model, feeds), run(parse(HIDDEN + NORM, **arrays), feeds), atol=2e-3)
    assert "5 of sums" in description


@pytest.mark.parametrize("infinity", [-3.4028234663852886e38, -1e9, -np.inf])
def test_a_mask_added_to_scores_hides_and_stays_finite(infinity):
    text = """{
        e = Gather(words, input_ids) m = Cast<to = 1>(attention_mask) n = Sub(one, m) b = Cast<to = 9>(n)
        a = Where(b, floor, nothing) last = Constant<value = int64[1] {2}>() c = Unsqueeze(a, last) d = Add(e, c)
        logits = Softmax<axis = 1>(d)
    }"""
    scalars = {"one": 1, "floor": infinity, "nothing": 0}
    arrays = {"words": weights(20, 8)} | {name: np.full(1, value, np.float32) for name, value in scalars.items()}
    model, description = halved(text, **arrays)
    feeds = texts(3, 9, 20)
    found = compute(model, feeds)
    np.testing.assert_allclose(found, run(parse(HIDDEN + text, **arrays), feeds), atol=2e-3)
    assert (found[feeds["attention_mask"] == 0] == 0).all()
    assert "1 infinities of masks clamped" in description
    feeds["attention_mask"][:] = 0
    assert np.isfinite(compute(model, feeds)).all()


def test_a_constant_that_is_chosen_instead_of_scores_is_clamped_too():
    text = """{
        e = Gather(words, input_ids) m = Cast<to = 9>(attention_mask) last = Constant<value = int64[1] {2}>()
        k = Unsqueeze(m, last) d = Where(k, e, floor) logits = Softmax<axis = 1>(d)
    }"""
    arrays = {"words": weights(20, 8), "floor": np.full(1, np.finfo(np.float32).min, dtype=np.float32)}
    model, description = halved(text, **arrays)
    feeds = texts(3, 9, 20)
    assert (compute(model, feeds)[feeds["attention_mask"] == 0] == 0).all()
    assert "1 infinities" in description
    feeds["attention_mask"][:] = 0
    assert np.isfinite(compute(model, feeds)).all()


def test_angles_of_positions_are_computed_in_single_precision():
    text = """{
        e = Gather(words, input_ids) shape = Shape(input_ids) length = Gather(shape, at)
        turns = Range(none, length, step)
        f = Cast<to = 1>(turns) g = Mul(f, fast) angles = Sin(g) last = Constant<value = int64[1] {1}>()
        column = Unsqueeze(angles, last) logits = Mul(e, column)
    }"""
    numbers = {"at": 1, "none": 0, "step": 1}
    arrays = {"words": weights(20, 8), "fast": np.full(1, 777.7, dtype=np.float32)}
    arrays |= {name: np.array(value, dtype=np.int64) for name, value in numbers.items()}
    model, _ = halved(text, **arrays)
    feeds = texts(2, 30, 20)
    np.testing.assert_allclose(compute(model, feeds), run(parse(HIDDEN + text, **arrays), feeds), atol=3e-3)
    assert given_as(model, np.float16) == {"Cast", "Gather", "Mul"}


def test_branches_stay_as_they_are_and_read_single_precision():
    text = """{
        e = Gather(words, input_ids) f = Mul(e, e) yes = Constant<value = bool {1}>()
        g = If (yes) <then_branch = then () => (float[b,s,h] t) { t = Add(f, e) },
                      else_branch = other () => (float[b,s,h] o) { o = Sub(f, e) }>
        logits = Mul(g, e)
    }"""
    arrays = {"words": weights(20, 8)}
    model, description = halved(text, **arrays)
    feeds = texts(2, 9, 20)
    np.testing.assert_allclose(compute(model, feeds), run(parse(HIDDEN + text, **arrays), feeds), rtol=5e-3, atol=5e-3)
    assert "1 that branch" in description


def test_a_big_table_that_both_precisions_read_is_stored_once_and_cast():
    text = (
        "{ e = Gather(words, input_ids) squares = ReduceSum(words, axis) root = Sqrt(squares) logits = Div(e, root) }"
    )
    model, _ = halved(text, words=weights(9000, 8), axis=np.array([0], dtype=np.int64))
    stored = [value.dtype for value in model.graph.initializers.values() if value.const_value.size == 72000]
    assert stored == [HALF]
