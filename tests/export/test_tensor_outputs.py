"""Tensors inside a graph are read from a copy of it."""

import numpy as np
import onnxruntime as ort
import pytest

from fillmask_export.tensor_outputs import open_tensors
from tests.support.graphs import parse, weights

TEXT = "g (float[b,8] x) => (float[b,n] logits) { a = Relu(x) m = MatMul(a, weight) c = Add(m, bias) logits = Tanh(c) }"
FEEDS = {"x": weights(3, 8, seed=1)}


@pytest.fixture
def model():
    return parse(TEXT, weight=weights(8, 4), bias=weights(4))


def test_every_tensor_that_a_node_returns_is_an_output(model):
    with open_tensors(model) as session:
        names = [value.name for value in session.get_outputs()]
        found = dict(zip(names, session.run(names, FEEDS), strict=True))
    assert names[0] == "logits"
    assert sorted(names) == ["a", "c", "logits", "m"]
    np.testing.assert_array_equal(found["a"], np.maximum(FEEDS["x"], 0))
    np.testing.assert_array_equal(found["c"], found["m"] + weights(4))


def test_named_tensors_are_the_outputs_and_what_they_do_not_need_does_not_run(model):
    with open_tensors(model, ["a"]) as session:
        assert [value.name for value in session.get_outputs()] == ["a"]
        np.testing.assert_array_equal(session.run(["a"], FEEDS)[0], np.maximum(FEEDS["x"], 0))


def test_an_empty_collection_leaves_the_outputs_as_they_are(model):
    with open_tensors(model, ()) as session:
        assert [value.name for value in session.get_outputs()] == ["logits"]


@pytest.mark.parametrize("names", [None, ["a", "m"]])
def test_the_graph_itself_keeps_its_outputs(model, names):
    with open_tensors(model, names) as session:
        assert isinstance(session, ort.InferenceSession)
    assert [value.name for value in model.graph.outputs] == ["logits"]
