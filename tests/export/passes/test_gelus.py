"""The GELU of torch.export becomes one that ONNX Runtime fuses, with the same bits."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

from fillmask_export.passes.gelus import order_gelus
from tests.support.graphs import PLAIN, SIZES, parse, run, texts, weights

NUMBERS = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
GRAPH = """{{
    rows = Gather(table, input_ids)
    scaled = Div(rows, root)
    curve = Erf(scaled)
    raised = Add(curve, one)
    {products}
}}"""
TRACED = "halved = Mul({0}, {1})\n logits = Mul({2}, {3})"
ORDERS = [("half", "raised", "rows", "halved"), ("raised", "half", "halved", "rows")]


def graph(products):
    return parse(PLAIN + GRAPH.format(products=products), table=3 * weights(20, 8), **NUMBERS)


def fused(model, folder):
    """How often each operator is in the graph that ONNX Runtime runs."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    ort.InferenceSession(ir.to_proto(model).SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node)


@pytest.mark.parametrize("order", ORDERS)
def test_onnx_runtime_fuses_it_and_the_bits_stay(order, tmp_path):
    model = graph(TRACED.format(*order))
    before = {size: run(model, texts(*size, 20)) for size in SIZES}
    assert order_gelus(model) == "1 of 1"
    plain = ort.SessionOptions()
    plain.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), plain, providers=["CPUExecutionProvider"])
    for size, logits in before.items():
        feeds = {value.name: texts(*size, 20)[value.name] for value in session.get_inputs()}
        np.testing.assert_array_equal(session.run(None, feeds)[0], logits)
    assert fused(model, tmp_path)["Gelu"] == 1


@pytest.mark.parametrize(
    "products",
    [
        "whole = Mul(rows, raised)\n logits = Mul(whole, half)",
        "halved = Mul(one, raised)\n logits = Mul(rows, halved)",
        "halved = Mul(half, raised)\n logits = Mul(scaled, halved)",
        "halved = Mul(half, raised)\n both = Mul(rows, halved)\n logits = Add(both, halved)",
    ],
)
def test_what_is_in_order_or_no_gelu_stays(products):
    model = graph(products)
    before = [node.op_type for node in model.graph]
    assert order_gelus(model) == "0 of 1"
    assert [node.op_type for node in model.graph] == before
