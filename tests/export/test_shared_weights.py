"""Embeddings and LM head read the same bytes, each through an entry of its own."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from fillmask_export.shared_weights import split_shared_initializers

VOCABULARY, WIDTH = 400, 64


@pytest.fixture
def graph(tmp_path):
    """A lookup and a product with the same table, which lies outside."""
    table = np.random.default_rng(0).standard_normal((VOCABULARY, WIDTH)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("FusedMatMul", ["rows", "table"], ["logits"], domain="com.microsoft", transB=1),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["s"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["s", VOCABULARY])
    body = helper.make_graph(nodes, "g", [ids], [logits], [numpy_helper.from_array(table, "table")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    path = tmp_path / "model.onnx"
    model = helper.make_model(body, opset_imports=opsets, ir_version=9)
    onnx.save_model(model, path, save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    return path


def run(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"ids": np.array([1, 7, 399])})[0]


def test_the_product_reads_the_bytes_of_the_lookup_through_an_entry_of_its_own(graph):
    before, size = run(graph), (graph.parent / "model.onnx_data").stat().st_size
    assert split_shared_initializers(graph) == 1
    model = onnx.load(graph, load_external_data=False)
    first, second = model.graph.initializer
    assert first.external_data == second.external_data
    assert {node.op_type: list(node.input) for node in model.graph.node} == {
        "Gather": ["table", "ids"],
        "FusedMatMul": ["rows", "table/packed"],
    }
    assert (graph.parent / "model.onnx_data").stat().st_size == size
    np.testing.assert_array_equal(run(graph), before)


def test_parted_readers_stay_as_they_are(graph):
    split_shared_initializers(graph)
    content = graph.read_bytes()
    assert split_shared_initializers(graph) == 0
    assert graph.read_bytes() == content


def test_a_table_inside_the_graph_stays_one(graph):
    onnx.save(onnx.load(graph), graph)
    content = graph.read_bytes()
    assert split_shared_initializers(graph) == 0
    assert graph.read_bytes() == content
