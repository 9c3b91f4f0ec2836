import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export.passes.constant_shapes import make_shapes_constant, shape_vector
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, SIZES, operators, parse, run, run_all, texts, weights

# A projection cut in two halves, and a mask expanded to the shape of what it masks.
HALVES_AND_MASK = """{
    embedded = Gather(table, input_ids)
    shape = Shape(embedded)
    hidden = Gather<axis=0>(shape, two)
    half = Div(hidden, pair)
    left = Slice(embedded, zero, half, last)
    narrow_shape = Shape(left)
    attended = Unsqueeze(attention_mask, last)
    seen = Cast<to=9>(attended)
    wide = Expand(seen, narrow_shape)
    far = Constant<value_float=-9.0>()
    logits = Where(wide, left, far)
}"""
CONSTANTS = {"two": np.array([2]), "pair": np.array([2]), "zero": np.array([0]), "last": np.array([-1])}


def parsed():
    return parse(PLAIN + HALVES_AND_MASK, table=weights(20, 8), **CONSTANTS)


@pytest.fixture
def fixed():
    model = parsed()
    return model, make_shapes_constant(model, find_shapes(model))


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_logits_stay_the_same_to_the_bit(fixed, batch, length):
    feeds = texts(batch, length, 20)
    np.testing.assert_array_equal(run(fixed[0], feeds), run(parsed(), feeds))


def test_only_the_shape_of_input_ids_is_read(fixed):
    model, description = fixed
    assert description == "2 of 2"
    assert [node.inputs[0].name for node in model.graph if node.op_type == "Shape"] == ["input_ids"] * 2


def test_a_size_that_is_a_constant_is_picked_out_of_nothing(fixed):
    assert operators(parsed())["Gather"] == 2
    assert operators(fixed[0])["Gather"] == 1


@pytest.mark.parametrize(
    ("start_end", "expected"), [("", (3, 7, 8)), ("<start=1>", (7, 8)), ("<start=-2, end=-1>", (7,))]
)
def test_a_part_of_a_shape_becomes_that_part(start_end, expected):
    body = f"{{ embedded = Gather(table, input_ids) shape = Shape{start_end}(embedded) logits = Identity(embedded) }}"
    model = parse(PLAIN + body, table=weights(20, 8))
    (read,) = (node for node in model.graph if node.op_type == "Shape")
    model.graph.outputs.append(read.outputs[0])
    shapes = find_shapes(model)
    read.outputs[0].type = ir.TensorType(ir.DataType.INT64)
    assert make_shapes_constant(model, shapes) == "1 of 1"
    assert tuple(run_all(model, texts(3, 7, 20), ["shape"])["shape"]) == expected


def test_the_shape_of_a_tensor_with_an_unknown_size_is_still_read():
    body = """{ flat = Reshape(input_ids, all) shape = Shape(flat) ones = Expand(one, shape)
        count = ReduceSum<keepdims=0>(ones) embedded = Gather(table, input_ids) logits = Add(embedded, count) }"""
    model = parse(PLAIN + body, table=weights(20, 8), all=np.array([-1]), one=np.float32([1]))
    assert make_shapes_constant(model, find_shapes(model)) == "0 of 1"


def test_every_shape_in_a_checkpoints_graph_is_replaced(plain, untouched):
    def shape_nodes(model):
        return [node for node in model.graph if node.op_type == "Shape" and node.inputs[0].producer()]

    assert shape_nodes(plain)
    found, _, of = make_shapes_constant(plain, find_shapes(plain)).partition(" of ")
    assert int(found) == int(of) == len(shape_nodes(untouched))
    assert not shape_nodes(plain)


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_a_checkpoints_logits_stay_the_same_to_the_bit(plain, untouched, batch, length):
    make_shapes_constant(plain, find_shapes(plain))
    feeds = texts(batch, length, 560)
    np.testing.assert_array_equal(run(plain, feeds), run(untouched, feeds))


def test_a_vector_of_sizes_is_computed_when_the_graph_runs():
    model = parsed()
    ids, mask = model.graph.inputs
    vector = shape_vector(model, ("s", 4, "b"), {"b": (mask, 0), "s": (ids, 1)})
    vector.name, vector.type = "vector", ir.TensorType(ir.DataType.INT64)
    model.graph.outputs.append(vector)
    assert list(run_all(model, texts(3, 7, 20), ["vector"])["vector"]) == [7, 4, 3]
