from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.contenders.instrumented import profile
from benchmarks.harness.result import SuiteResult
from benchmarks.harness.rounds import Rounds
from benchmarks.suites import roofline
from benchmarks.suites.products import UncountedError, count, operations, table
from benchmarks.suites.roofline import product, rate
from fillmask.artifact.folder import EMBEDDED

onnx = pytest.importorskip("onnx")

TEXT = "She drank a cup of [MASK]."
TOKENS = 9


def node(op, *inputs, out, dtype="float"):
    return {"op_name": op, "input_type_shape": [{dtype: list(shape)} for shape in inputs],
            "output_type_shape": [{"float": list(out)}]}  # fmt: skip


def event(args, microseconds):
    return {"cat": "Node", "name": "it_kernel_time", "dur": microseconds, "ts": 1, "args": args}


def test_a_product_has_two_operations_for_each_pair_whether_or_not_its_weights_are_seen():
    assert operations(node("MatMul", (1, 8, 16), (16, 4), out=(1, 8, 4))) == 2 * 8 * 16 * 4
    assert (
        operations(node("MatMulIntegerToFloat", (1, 8, 16), (), (4,), out=(1, 8, 4), dtype="uint8")) == 2 * 8 * 16 * 4
    )
    assert operations(node("FusedMatMul", (1, 2, 8, 3), (1, 2, 8, 3), out=(1, 2, 8, 8))) == 2 * 2 * 8 * 8 * 3


def test_a_product_with_transposed_rows_is_counted_as_well():
    assert operations(node("FusedMatMul", (16, 8), (16, 4), out=(8, 4))) == 2 * 8 * 16 * 4


def test_attention_is_two_products():
    joined = node("Attention", (1, 2, 48), (1, 9, 48), (1, 9, 48), out=(1, 2, 48))
    assert operations(joined) == 2 * (2 * 2 * 9 * 48)
    split = node("MultiHeadAttention", (1, 12, 2, 4), (1, 12, 9, 4), (1, 12, 9, 4), out=(1, 12, 2, 4))
    assert operations(split) == 2 * (2 * 2 * 9 * 48)


def test_what_multiplies_and_is_not_known_is_an_error():
    with pytest.raises(UncountedError, match=r"QAttention of .* multiplies matrices"):
        operations(node("QAttention", (1, 2, 48), out=(1, 2, 48)))
    with pytest.raises(UncountedError, match=r"Attention of .*48, 144.* multiplies matrices"):
        operations(node("Attention", (1, 2, 48), (48, 144), (144,), out=(1, 2, 48)))
    assert operations(node("Softmax", (1, 12, 9, 9), out=(1, 12, 9, 9))) == 0


def test_an_if_takes_the_time_of_its_branch_which_counts_once():
    attention = node("Attention", (1, 2, 48), (1, 9, 48), (1, 9, 48), out=(1, 2, 48))
    (row,) = table([event(attention, 30), event(node("If", (1,), out=(1, 2, 48), dtype="bool"), 33)], 1)
    assert (row["op"], row["ms"], row["share"]) == ("Attention", 0.03, 1.0)


def test_the_table_of_a_profile():
    first = node("MatMul", (1, 8, 16), (16, 4), out=(1, 8, 4))
    quantized = node("MatMulInteger", (1, 8, 16), out=(1, 8, 4), dtype="uint8")
    events = [event(first, 30), event(first, 34), event(quantized, 16), event(quantized, 16)]
    events += [event(node("Gelu", (1, 8, 4), out=(1, 8, 4)), 16) for _ in range(2)]
    events += [{"cat": "Session", "name": "model_run", "dur": 999, "ts": 0}]
    rows = table(events, 2)
    assert [row["op"] for row in rows] == ["MatMul", "MatMulInteger", "Gelu"]
    assert rows[0] == {
        "op": "MatMul",
        "nodes": 1,
        "ms": 0.032,
        "share": 0.5,
        "gops": pytest.approx(2 * 1024 / 64 / 1e3),
    }
    assert rows[2]["gops"] is None
    assert count(events, 2) == 2048


def test_a_run_that_the_machine_held_up_does_not_change_the_table():
    product, gelu = node("MatMul", (1, 8, 16), (16, 4), out=(1, 8, 4)), node("Gelu", (1, 8, 4), out=(1, 8, 4))
    runs = [(10, 5), (12, 900), (11, 5)]
    events = [event(made, time) for times in runs for made, time in zip((product, gelu), times, strict=True)]
    assert [(row["op"], row["ms"]) for row in table(events, 3)] == [("MatMul", 0.011), ("Gelu", 0.005)]


def test_the_operations_of_the_embedded_model_are_those_of_its_weights():
    graph = onnx.load(EMBEDDED / "model_int8.onnx", load_external_data=False).graph
    weights = {each.name: each.dims for each in graph.initializer}
    expected = 0
    for each in graph.node:
        if each.op_type == "MatMulIntegerToFloat":
            rows = 1 if "/at_masks/" in each.input[1] else TOKENS
            expected += 2 * rows * int(np.prod(weights[each.input[1]]))
    events = profile(EMBEDDED, "int8", 1, TEXT, 2)
    counted = count(events, 2)
    head = 2 * 2 * 384 * 30522  # for the row of the mask and the one after it (extra_row.py)
    assert head < counted - expected < 1.1 * head  # the rest is attention over nine tokens
    assert sum(row["share"] for row in table(events, 2)) == pytest.approx(1)


def test_profiling_leaves_onnxruntime_as_it_was(monkeypatch):
    import onnxruntime as ort

    before = ort.InferenceSession
    with pytest.raises(Exception, match="variant"):
        profile(EMBEDDED, "int3", 1, TEXT, 1)
    assert ort.InferenceSession is before


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_peak_is_of_the_products_of_graphs(precision):
    (made,) = product(precision, 64, 1)()
    rng = np.random.default_rng(0)
    if precision == "fp32":
        expected = rng.standard_normal((64, 64), dtype=np.float32) @ rng.standard_normal((64, 64), dtype=np.float32)
    else:
        rows = rng.integers(0, 256, (64, 64), dtype=np.uint8).astype(np.float32) - 128
        expected = rows @ rng.integers(-64, 64, (64, 64), dtype=np.int8).astype(np.float32) * 0.02 * 0.01
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [([8, 10, 30], 2.0), ([50, 150], 0.2), ([40, 8], 20 / 24)],  # milliseconds; at least two runs, and at least 40 ms
)
def test_a_rate_is_operations_a_nanosecond(monkeypatch, taken, expected):
    left, now = iter(taken), [0]

    def run():
        now[0] += next(left) * 1_000_000

    monkeypatch.setattr(roofline, "time", SimpleNamespace(perf_counter_ns=lambda: now[0]))
    assert rate(run, 20_000_000, 0.04) == expected
    assert not list(left)


def test_the_peak_is_that_of_the_best_size_and_its_share_is_the_runs():
    result, (run, again, largest) = SuiteResult(), roofline._names("int8")
    samples = {(largest, 512): [90.0] * 3, (largest, 1024): [100.0] * 3}
    rounds = Rounds(samples | {(run, 128): [45.0] * 3, (again, 128): [45.0] * 3}, {})
    roofline._add(result, "int8", rounds, [512, 1024], [128])
    (made,) = result.comparisons
    assert made.ratio == pytest.approx(0.45)
    assert (made.contender, made.baseline) == ("fillmask-int8", "peak-int8")
    assert made.case == {"tokens": 128, "precision": "int8"}
    assert [row.contender for row in result.rows] == [largest, largest, run, again]
