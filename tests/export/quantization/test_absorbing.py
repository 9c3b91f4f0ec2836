"""The values of an attention take up centre and size of its result, and the model stays what it was."""

import numpy as np
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.passes.extra_query import attention_behind
from fillmask_export.quantization.absorbing import absorb
from fillmask_export.quantization.activations import collect, find_activations
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.qparams import centre_and_size, choose_qparams
from tests.support.graphs import feeds_of, random_probes, run
from tests.support.rounding import assert_rounded_alike, count_terms, graph_bound, rounding_bound


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


@pytest.fixture
def absorbed(lean):
    """A lean graph, its activations and samples after all that can be absorbed was, and the samples before."""
    activations = find_activations(lean)
    samples = collect(lean, activations, random_probes())
    before = dict(samples)
    return lean, [activation for activation in activations if absorb(lean, activation, samples)], samples, before


def test_each_attention_has_its_result_absorbed(absorbed):
    _, activations, *_ = absorbed
    assert [attention_behind(activation.value) is not None for activation in activations] == [True] * 2
    assert [activation.value.producer().op_type for activation in activations] == ["Attention", "Slice"]
    assert all(activation.even for activation in activations)


def test_the_logits_stay(plain, lean):
    all_feeds = [feeds_of(probe) for probe in random_probes(6)]
    before = [run(lean, feeds) for feeds in all_feeds]
    activations = find_activations(lean)
    samples = collect(lean, activations, random_probes())
    assert sum(absorb(lean, activation, samples) for activation in activations) == 2
    for feeds, logits in zip(all_feeds, before, strict=True):
        assert_rounded_alike(run(lean, feeds), logits, graph_bound(lean, feeds))


def test_channels_are_alike_afterwards_as_the_samples_say(absorbed):
    model, activations, samples, before = absorbed
    anew = collect(model, find_activations(model), random_probes())
    feeds = feeds_of(max(random_probes(), key=lambda probe: probe.input_ids.size))
    for activation in activations:
        found, expected, old = samples[activation.name], anew[activation.name], before[activation.name]
        # The samples are (x - centre) / size: their errors are those of x, as large as x before the centre is out.
        _, size = centre_and_size(old, centred=True)
        reach = float((np.maximum(np.abs(old.low), np.abs(old.high)) / size).max())
        bound = rounding_bound(count_terms(model, feeds, activation.name), reach)
        assert_rounded_alike(found.rows, expected.rows, bound)
        np.testing.assert_allclose(found.low, expected.low, rtol=0, atol=bound)
        np.testing.assert_allclose(found.high, expected.high, rtol=0, atol=bound)
        assert np.abs(old.rows - expected.rows).max() > 1000 * bound  # what an attention that absorbed nothing gives
        # A sum, a difference and a quotient from low and high to the range that is left.
        assert np.abs(found.low + found.high).max() <= rounding_bound(3, reach)
        assert np.ptp(found.high) <= rounding_bound(3, reach)


def test_nothing_is_left_to_take_out_and_no_operator_is_needed_for_it(absorbed):
    model, activations, samples, _ = absorbed
    for activation in activations:
        qparams = choose_qparams(samples[activation.name], activation.weights(), centred=False, even=activation.even)
        assert qparams.centre is None
        np.testing.assert_array_equal(qparams.size, 1)
        assert qparams.zero_point == 128
        assert smooth(model, activation, qparams) is activation.value


def test_an_activation_behind_a_layer_norm_is_left(lean):
    activations = find_activations(lean)
    samples = collect(lean, activations, random_probes())
    left = [activation for activation in activations if not absorb(lean, activation, samples)]
    assert len(left) == len(activations) - 2
    assert not any(activation.even for activation in left)


def test_values_that_are_read_elsewhere_too_are_left(lean):
    from fillmask_export.passes.graph import insert

    activations = find_activations(lean)
    samples = collect(lean, activations, random_probes())
    (first, *_) = [activation for activation in activations if activation.value.producer().op_type == "Attention"]
    values = first.value.producer().inputs[2]
    lean.graph.outputs.append(insert(lean, "Identity", [values], name="elsewhere"))
    assert not absorb(lean, first, samples)
