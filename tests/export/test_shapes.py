import numpy as np
import pytest

from fillmask_export.errors import CheckpointError
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, operators, parse, run_all, texts, weights


@pytest.fixture
def shapes():
    """Shapes of a graph with a dimension of every kind."""
    body = """{
        embedded = Gather(table, input_ids)
        shape = Shape(embedded)
        two = Constant<value_ints=[2]>()
        first = Slice(shape, zero, two)
        split = Concat<axis=0>(first, heads)
        computed = Reshape(embedded, split)
        flat = Reshape(input_ids, all)
        logits = Identity(embedded)
    }"""
    arrays = {"zero": np.array([0]), "heads": np.array([2, 4]), "all": np.array([-1])}
    return find_shapes(parse(PLAIN + body, table=weights(20, 8), **arrays))


def test_a_dimension_is_named_for_what_it_follows(shapes):
    assert shapes["embedded"] == ("b", "s", 8)
    assert shapes["input_ids"] == shapes["attention_mask"] == ("b", "s")


def test_a_reshape_to_a_computed_target_has_a_shape_too(shapes):
    assert shapes["computed"] == ("b", "s", 2, 4)


def test_a_dimension_that_is_neither_batch_nor_length_nor_constant_is_unknown(shapes):
    assert shapes["flat"] == (None,)


def test_initializers_and_constants_have_their_own_shapes(shapes):
    assert (shapes["table"], shapes["heads"], shapes["two"], shapes["first"]) == ((20, 8), (2,), (1,), (2,))


def test_every_tensor_of_a_checkpoints_graph_is_found(plain):
    shapes = find_shapes(plain)
    tensors = {value.name for node in plain.graph for value in node.outputs}
    assert tensors | set(plain.graph.initializers) <= shapes.keys()


def test_the_shapes_of_a_checkpoints_graph_hold_at_another_size(plain, untouched):
    sizes = {"b": 4, "s": 21}
    found = find_shapes(plain)
    for name, array in run_all(untouched, texts(4, 21, 560)).items():
        declared = tuple(sizes.get(dim, dim) for dim in found[name])
        assert [dim for dim in declared if dim is not None] == [
            size for size, dim in zip(array.shape, declared, strict=True) if dim is not None
        ], name


def test_finding_shapes_leaves_the_graph_as_it_was(plain, untouched):
    find_shapes(plain)
    assert operators(plain) == operators(untouched)
    assert [value.name for value in plain.graph.outputs] == ["logits"]


def test_a_graph_that_runs_at_one_length_only_is_refused():
    body = "{ embedded = Gather(table, input_ids) logits = Reshape(embedded, traced) }"
    model = parse(PLAIN + body, table=weights(20, 8), traced=np.array([2, 16, 8]))
    with pytest.raises(CheckpointError, match="the graph only runs at the length and batch size that it was traced at"):
        find_shapes(model)
