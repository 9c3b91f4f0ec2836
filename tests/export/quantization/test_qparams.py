import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fillmask_export.quantization.activations import Sample
from fillmask_export.quantization.qparams import QuantParams, choose_qparams
from tests.support.graphs import parse, run, weights

QUANTIZE = (
    "q (float[n,k] x, float scale, uint8 zero) => (float[n,k] logits)"
    "{ integers = QuantizeLinear(x, scale, zero) logits = DequantizeLinear(integers, scale, zero) }"
)


def sample_of(rows):
    return Sample(rows.min(axis=0), rows.max(axis=0), rows)


def normal(channels=12, shift=0.0, seed=0):
    """Activations whose channels differ in size and place."""
    rng = np.random.default_rng([seed, channels])
    rows = rng.standard_normal((500, channels)) * np.exp(rng.normal(size=channels)) + shift * rng.normal(size=channels)
    return rows.astype(np.float32)


def gelu(rows):
    return (0.5 * rows * (1 + np.tanh(0.8 * (rows + 0.045 * rows**3)))).astype(np.float32)


def qparams_of(rows, *, centred, columns=8):
    return choose_qparams(sample_of(rows), weights(rows.shape[1], columns), centred=centred)


def edges(qparams):
    """The smallest and largest value that a qparams has."""
    return (0 - qparams.zero_point) * qparams.scale, (255 - qparams.zero_point) * qparams.scale


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.floats(-5, 5), st.booleans())
def test_inside_the_range_a_value_moves_by_at_most_half_a_step(seed, shift, centred):
    qparams = qparams_of(normal(6, shift, seed), centred=centred)
    low, high = edges(qparams)
    inside = np.linspace(low, high, 3001, dtype=np.float32)
    assert np.abs(qparams.round(inside) - inside).max() <= qparams.scale * (0.5 + 1e-4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.floats(-5, 5), st.booleans())
def test_outside_the_range_a_value_goes_to_its_edge(seed, shift, centred):
    qparams = qparams_of(normal(6, shift, seed), centred=centred)
    low, high = edges(qparams)
    found = qparams.round(np.float32([low - 9, high + 9, low - 1e6, high + 1e6]))
    np.testing.assert_allclose(found, [low, high, low, high], rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99), st.floats(-20, 20), st.booleans())
def test_a_zero_point_is_a_uint8_and_zero_stays_zero(seed, shift, centred):
    qparams = qparams_of(normal(6, 0, seed) + np.float32(shift), centred=centred)
    assert isinstance(qparams.zero_point, int)
    assert 0 <= qparams.zero_point <= 255
    assert qparams.scale > 0
    assert qparams.round(np.float32([0])).item() == 0


def test_a_centred_range_is_symmetric_about_the_middle_of_each_channel():
    rows = normal(shift=7)
    qparams = qparams_of(rows, centred=True)
    np.testing.assert_allclose(qparams.centre, (rows.min(axis=0) + rows.max(axis=0)) / 2, rtol=1e-6)
    values = np.linspace(0, 127 * qparams.scale, 1001, dtype=np.float32)
    assert qparams.zero_point == 128
    np.testing.assert_array_equal(qparams.round(-values), -qparams.round(values))


def test_without_a_centre_nothing_is_subtracted():
    rows = normal(shift=7)
    qparams = qparams_of(rows, centred=False)
    assert qparams.centre is None
    np.testing.assert_array_equal(qparams.smooth(rows), rows / qparams.size)


@pytest.mark.parametrize("centred", [False, True])
def test_channels_are_alike_once_their_sizes_are_taken_out(centred):
    rows = normal(shift=2)
    qparams = qparams_of(rows, centred=centred)
    reach = np.abs(qparams.smooth(rows)).max(axis=0)
    np.testing.assert_allclose(reach, reach[0], rtol=1e-5)
    assert qparams.size.mean() == pytest.approx(1, rel=1e-5)


def test_an_activation_behind_gelu_spends_its_integers_above_zero():
    qparams = qparams_of(gelu(3 * normal()), centred=False)
    assert 0 <= qparams.zero_point < 64


@pytest.mark.parametrize(("sign", "zero_point"), [(1, 0), (-1, 255)])
def test_an_activation_of_one_sign_uses_all_integers_for_it(sign, zero_point):
    qparams = qparams_of(sign * np.abs(normal()), centred=False)
    assert qparams.zero_point == zero_point


@pytest.mark.parametrize("centred", [False, True])
def test_channels_that_are_always_zero_have_a_size_and_stay_zero(centred):
    rows = normal()
    rows[:, [2, 5]] = 0
    qparams = qparams_of(rows, centred=centred)
    assert (np.isfinite(qparams.size) & (qparams.size > 0)).all()
    assert not qparams.round(qparams.smooth(rows))[:, [2, 5]].any()


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-20])
@pytest.mark.parametrize("centred", [False, True])
def test_an_activation_that_never_changes_has_parameters_that_keep_it(value, centred):
    rows = np.full((50, 4), value, dtype=np.float32)
    qparams = qparams_of(rows, centred=centred)
    kept = qparams.round(qparams.smooth(rows)) * qparams.size + (0 if qparams.centre is None else qparams.centre)
    assert np.isfinite(kept).all()
    np.testing.assert_allclose(kept, rows, atol=max(abs(value) / 255, 1e-12))


@pytest.mark.parametrize("extreme", [1.0, 2.0, 4.0])
def test_extremes_that_are_rarer_than_the_rows_tried_are_given_up_for_finer_steps(extreme):
    rows = np.random.default_rng(0).uniform(-1, 1, (9000, 4)).astype(np.float32)
    rows[-1], rows[-2] = extreme, -extreme
    step = qparams_of(rows, centred=True).scale
    assert step == pytest.approx({1.0: 1.0, 2.0: 1.1, 4.0: 2.2}[extreme] / 127, rel=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_no_whole_range_changes_the_products_less_than_the_range_chosen(seed):
    rows, weight = gelu(3 * normal(12, 1, seed)), weights(12, 8, seed=seed)
    qparams = choose_qparams(sample_of(rows), weight, centred=False)
    smoothed = qparams.smooth(rows)
    low, high = float(smoothed.min()), float(smoothed.max())
    whole = QuantParams(None, qparams.size, (high - low) / 255, round(-low / (high - low) * 255))
    importance = np.square(weight).sum(axis=1) * np.square(qparams.size)
    errors = [float(np.square(each.round(smoothed) - smoothed).mean(axis=0) @ importance) for each in (qparams, whole)]
    assert errors[0] <= errors[1] * (1 + 1e-6)


@pytest.mark.parametrize(("scale", "zero_point"), [(1.0, 0), (0.037, 128), (3e-5, 17), (12.5, 255)])
def test_an_activation_is_rounded_as_onnx_runtime_does(scale, zero_point):
    qparams = QuantParams(None, np.ones(5, dtype=np.float32), float(np.float32(scale)), zero_point)
    rows = np.concatenate([weights(200, 5) * 100, np.arange(-40, 40, 0.5).reshape(-1, 5)]).astype(np.float32) * scale
    feeds = {"x": np.float32(rows), "scale": np.array(scale, np.float32), "zero": np.array(zero_point, np.uint8)}
    np.testing.assert_array_equal(qparams.round(feeds["x"]), run(parse(QUANTIZE), feeds))
