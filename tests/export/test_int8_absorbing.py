"""The values of an attention take up centre and size of its result, and the model stays what it was."""

import numpy as np
import pytest

from fillmask_export.passes import make_lean
from fillmask_export.quantization.absorbing import absorb
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.sites import collect, find_sites
from fillmask_export.quantization.smoothing import centre_and_size, choose_grid
from tests.export.test_int8_sites import feeds_of, probes
from tests.support.graphs import run
from tests.support.rounding import assert_rounded_alike, count_terms, graph_bound, rounding_bound


@pytest.fixture
def lean(plain):
    make_lean(plain)
    return plain


@pytest.fixture
def absorbed(lean):
    """A lean graph, its sites and samples after all that can be absorbed was, and the samples before."""
    sites = find_sites(lean)
    samples = collect(lean, sites, probes())
    before = dict(samples)
    return lean, [site for site in sites if absorb(lean, site, samples)], samples, before


def test_each_attention_has_its_result_absorbed(absorbed):
    _, sites, *_ = absorbed
    assert [site.value.producer().op_type for site in sites] == ["Attention"] * 2
    assert all(site.even for site in sites)


def test_the_logits_stay(plain, lean):
    asked = [feeds_of(probe) for probe in probes(6)]
    before = [run(lean, feeds) for feeds in asked]
    sites = find_sites(lean)
    samples = collect(lean, sites, probes())
    assert sum(absorb(lean, site, samples) for site in sites) == 2
    for feeds, logits in zip(asked, before, strict=True):
        assert_rounded_alike(run(lean, feeds), logits, graph_bound(lean, feeds))


def test_channels_are_alike_afterwards_as_the_samples_say(absorbed):
    model, sites, samples, before = absorbed
    anew = collect(model, find_sites(model), probes())
    feeds = feeds_of(max(probes(), key=lambda probe: probe.input_ids.size))
    for site in sites:
        found, expected, old = samples[site.name], anew[site.name], before[site.name]
        # The samples are (x - centre) / size: their errors are those of x, as large as x before the centre is out.
        _, size = centre_and_size(old, centred=True)
        reach = float((np.maximum(np.abs(old.low), np.abs(old.high)) / size).max())
        bound = rounding_bound(count_terms(model, feeds, site.name), reach)
        assert_rounded_alike(found.rows, expected.rows, bound)
        np.testing.assert_allclose(found.low, expected.low, rtol=0, atol=bound)
        np.testing.assert_allclose(found.high, expected.high, rtol=0, atol=bound)
        assert np.abs(old.rows - expected.rows).max() > 1000 * bound  # what an attention that absorbed nothing gives
        # A sum, a difference and a quotient from low and high to the range that is left.
        assert np.abs(found.low + found.high).max() <= rounding_bound(3, reach)
        assert np.ptp(found.high) <= rounding_bound(3, reach)


def test_nothing_is_left_to_take_out_and_no_operator_is_needed_for_it(absorbed):
    model, sites, samples, _ = absorbed
    for site in sites:
        grid = choose_grid(samples[site.name], site.weights(), centred=False, even=site.even)
        assert grid.centre is None
        np.testing.assert_array_equal(grid.size, 1)
        assert grid.zero_point == 128
        assert smooth(model, site, grid) is site.value


def test_an_activation_behind_a_layer_norm_is_left(lean):
    sites = find_sites(lean)
    samples = collect(lean, sites, probes())
    left = [site for site in sites if not absorb(lean, site, samples)]
    assert len(left) == len(sites) - 2
    assert not any(site.even for site in left)


def test_values_that_are_read_elsewhere_too_are_left(lean):
    from fillmask_export.passes.graph import insert

    sites = find_sites(lean)
    samples = collect(lean, sites, probes())
    (first, *_) = [site for site in sites if site.value.producer().op_type == "Attention"]
    values = first.value.producer().inputs[2]
    lean.graph.outputs.append(insert(lean, "Identity", [values], name="elsewhere"))
    assert not absorb(lean, first, samples)
