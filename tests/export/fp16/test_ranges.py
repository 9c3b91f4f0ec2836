import numpy as np
import pytest

from fillmask_export.fp16.ranges import find_infinite, find_ranges
from fillmask_export.probes import Probe
from tests.support.graphs import PLAIN, parse, texts, weights

HIDDEN = PLAIN.replace("[b,s,v]", "[b,s,h]")
TEXT = "{ e = Gather(words, input_ids) d = Mul(e, e) shape = Shape(d) s = Mul(d, minus) logits = Sub(s, infinite) }"


def probes(count=3):
    return [Probe(texts(1, 9, 20, seed)["input_ids"][0], np.array([0]), np.array([0])) for seed in range(count)]


@pytest.fixture
def model():
    scalars = {"minus": -2, "infinite": np.inf}
    return parse(
        HIDDEN + TEXT, words=weights(20, 8), **{name: np.full(1, v, np.float32) for name, v in scalars.items()}
    )


def test_a_range_is_the_largest_magnitude_over_all_texts(model):
    looked_up = np.concatenate([weights(20, 8)[probe.input_ids] for probe in probes()])
    ranges = find_ranges(model, probes())
    largest = np.abs(looked_up).max()
    assert ranges["e"] == largest
    assert ranges["d"] == pytest.approx(largest**2)
    assert ranges["s"] == pytest.approx(2 * largest**2)


def test_infinite_values_count_as_nothing_and_integers_are_left_out(model):
    ranges = find_ranges(model, probes())
    assert ranges["logits"] == 0
    assert ranges.keys() == {"e", "d", "s", "logits"}


def test_without_texts_the_names_are_found(model):
    assert find_ranges(model, []) == dict.fromkeys(("e", "d", "s", "logits"), 0.0)


def test_the_graph_stays_as_it_is(model):
    before = [value.name for value in model.graph.outputs]
    find_ranges(model, probes(1))
    assert [value.name for value in model.graph.outputs] == before


def half(size):
    text = """{
        e = Gather(words, input_ids) h = Cast<to = 10>(e) g = Mul(h, size) back = Cast<to = 1>(g) logits = Add(back, e)
    }"""
    return parse(HIDDEN + text, words=weights(20, 8), size=np.full(1, size, dtype=np.float16))


def test_tensors_that_half_precision_does_not_hold_are_named():
    assert find_infinite(half(60000), probes()) == ["g"]
    assert find_infinite(half(6000), probes()) == []


def test_a_graph_without_half_precision_has_no_such_tensors(model):
    assert find_infinite(model, probes()) == []
