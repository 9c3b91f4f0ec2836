"""A Cast to the type that a tensor has goes, any other stays."""

import numpy as np

from fillmask_export.passes.casts import drop_casts
from tests.support.graphs import PLAIN, SIZES, operators, parse, run, texts, weights

GRAPH = """{
    rows = Gather(table, input_ids)
    same = Cast<to=1>(rows)
    again = Cast<to=1>(same)
    whole = Cast<to=7>(again)
    floats = Cast<to=1>(whole)
    logits = Add(floats, again)
}"""


def test_idle_casts_go_and_logits_stay():
    model = parse(PLAIN + GRAPH, table=3 * weights(20, 8))
    before = {size: run(model, texts(*size, 20)) for size in SIZES}
    assert drop_casts(model) == "2 of 4"
    assert operators(model)["Cast"] == 2
    for size, logits in before.items():
        np.testing.assert_array_equal(run(model, texts(*size, 20)), logits)


def test_a_cast_to_the_output_of_the_graph_goes_too():
    model = parse(PLAIN + "{ rows = Gather(table, input_ids)\n logits = Cast<to=1>(rows) }", table=weights(20, 8))
    feeds = texts(2, 7, 20)
    before = run(model, feeds)
    assert drop_casts(model) == "1 of 1"
    np.testing.assert_array_equal(run(model, feeds), before)


def test_what_is_behind_a_reshape_that_hides_the_shape_is_typed_all_the_same():
    body = """{
        rows = Gather(table, input_ids)
        length = Shape<start=1, end=2>(input_ids)
        target = Concat<axis=0>(minus, length, size)
        turned = Reshape(rows, target)
        logits = Cast<to=1>(turned)
    }"""
    model = parse(PLAIN + body, table=weights(20, 8), minus=np.array([-1]), size=np.array([8]))
    assert drop_casts(model) == "1 of 1"


def test_no_shape_is_left_that_a_later_pass_would_have_to_keep_true():
    model = parse(PLAIN + GRAPH, table=weights(20, 8))
    drop_casts(model)
    inner = [value for node in model.graph for value in node.outputs if not value.is_graph_output()]
    assert inner
    assert all(value.shape is None for value in inner)
