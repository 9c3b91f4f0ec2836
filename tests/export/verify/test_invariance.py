"""Whether texts move each other's scores is measured with padding, and without it between texts of equal length."""

import numpy as np
import onnx_ir as ir
import pytest

from fillmask.runtime.session import Session
from fillmask_export.probes import Probe
from fillmask_export.verify.forward import session_forward
from fillmask_export.verify.invariance import batch_difference, equal_length_difference
from tests.support.graphs import PLAIN, parse, weights

ALONE = "{ embedded = Gather(table, input_ids) logits = MatMul(embedded, head) }"
# The mean of a text, padding included, as in models that padding disturbs; the mean of all texts at a place.
OF_TEXT, OF_BATCH = (
    f"{{ embedded = Gather(table, input_ids) axis = Constant<value_ints=[{axis}]>() mean = ReduceMean(embedded, axis) "
    "mixed = Add(embedded, mean) logits = MatMul(mixed, head) }"
    for axis in (1, 0)
)


def graph_in(folder, body):
    ir.save(parse(PLAIN + body, table=weights(20, 8), head=weights(8, 20, seed=1)), folder / "model.onnx")
    return Session(folder / "model.onnx")


def probes(*lengths):
    """Texts of random tokens, masked at their last token but one, or at their only one."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(5, 20, size=length) for length in lengths]
    return [Probe(row, np.array([max(0, row.size - 2)]), np.array([5])) for row in rows]


@pytest.mark.parametrize(
    ("body", "padded", "equal"),
    [(ALONE, False, False), (OF_TEXT, True, False), (OF_BATCH, True, True)],
    ids=["each token alone", "a mean over the text", "a mean over the batch"],
)
def test_it_is_seen_what_moves_the_scores(tmp_path, body, padded, equal):
    graph, texts = graph_in(tmp_path, body), probes(9, 4, 17, 5, 12, 30, 8, 3)
    forward = session_forward(graph)
    differences = batch_difference(graph, forward, texts, 0), equal_length_difference(graph, forward, texts)
    assert (differences[0] > 1e-3, differences[1] > 1e-3) == (padded, equal)


@pytest.mark.parametrize("lengths", [(7,), (1, 1), (1, 9), (6, 6, 6)], ids=str)
def test_few_and_short_texts_are_measured_too(tmp_path, lengths):
    graph = graph_in(tmp_path, ALONE)
    assert equal_length_difference(graph, session_forward(graph), probes(*lengths)) < 1e-5


def test_long_texts_are_a_group_of_their_own_with_a_few_of_their_masks(tmp_path):
    graph, seen = graph_in(tmp_path, OF_BATCH), []
    forward = session_forward(graph)

    def spy(probe):
        seen.append((probe.input_ids.size, probe.positions.size))
        return forward(probe)

    (row,), (other,) = ([probe.input_ids] for probe in probes(40, 50))
    long = [Probe(each, np.arange(each.size), each) for each in (row, other)]
    assert equal_length_difference(graph, spy, probes(7), long) > 1e-3
    assert sorted(seen) == [(7, 1), (40, 4), (40, 4)]
