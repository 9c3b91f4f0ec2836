"""A Squeeze without axes removes those that have size 1 in every run, and no other."""

import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export.passes.squeezes import name_squeezed_axes
from tests.support.graphs import PLAIN, parse, run, texts, weights

GRAPH = """{
    first = Slice(input_ids, zero, one, one)
    ids = Squeeze(first)
    spread = Unsqueeze(ids, one)
    logits = Gather(table, spread)
}"""


@pytest.fixture
def model():
    return parse(PLAIN + GRAPH, table=weights(20, 8), zero=np.array([0]), one=np.array([1]))


def test_at_one_text_the_axis_of_the_texts_stays(model):
    squeeze = next(node for node in model.graph if node.op_type == "Squeeze")
    squeeze.inputs[0].shape = ir.Shape(["b", 1])
    feeds = texts(3, 5, 20)
    before = run(model, feeds)
    assert name_squeezed_axes(model) == "1 of 1"
    np.testing.assert_array_equal(run(model, feeds), before)
    alone = run(model, {name: value[:1] for name, value in feeds.items()})
    np.testing.assert_array_equal(alone, before[:1])


def test_named_axes_and_unknown_shapes_stay(model):
    assert name_squeezed_axes(model) == "0 of 1"
    squeeze = next(node for node in model.graph if node.op_type == "Squeeze")
    squeeze.inputs[0].shape = ir.Shape(["b", 1])
    name_squeezed_axes(model)
    assert name_squeezed_axes(model) == "0 of 1"
