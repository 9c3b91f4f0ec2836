"""Unsqueezes in a row become one, and the logits stay."""

import numpy as np

from fillmask_export.passes.unsqueezes import join_unsqueezes
from tests.support.graphs import PLAIN, SIZES, operators, parse, run, texts, weights

GRAPH = """{
    rows = Gather(table, input_ids)
    once = Unsqueeze(rows, first)
    twice = Unsqueeze(once, second)
    logits = Squeeze(twice, both)
}"""


def test_two_in_a_row_become_one():
    axes = {"first": np.array([1]), "second": np.array([2]), "both": np.array([1, 2])}
    model = parse(PLAIN + GRAPH, table=weights(20, 8), **axes)
    before = {size: run(model, texts(*size, 20)) for size in SIZES}
    assert join_unsqueezes(model) == "1 joined"
    assert operators(model)["Unsqueeze"] == 1
    for size, logits in before.items():
        np.testing.assert_array_equal(run(model, texts(*size, 20)), logits)


def test_one_alone_stays():
    body = "{ rows = Gather(table, input_ids)\n once = Unsqueeze(rows, first)\n logits = Squeeze(once, first) }"
    model = parse(PLAIN + body, table=weights(20, 8), first=np.array([1]))
    assert join_unsqueezes(model) == "0 joined"
    assert operators(model)["Unsqueeze"] == 1
