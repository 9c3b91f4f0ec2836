import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fillmask_export.quantization.gptq_int8 import round_gptq, round_to_nearest

SIZES = [(1, 1), (1, 5), (2, 1), (3, 4), (7, 3), (64, 8), (65, 8), (130, 6)]
quick = settings(max_examples=60, deadline=None)
any_weights = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 4)),
    elements=st.one_of(st.floats(-1000, 1000, width=32), st.sampled_from([0.0, 1.0, -1.0])),
)


def draw(channels, columns, seed=0):
    """Weights of which some are far larger than others."""
    rng = np.random.default_rng([seed, channels, columns])
    return rng.standard_normal((channels, columns)) * np.exp(rng.normal(size=(channels, 1)))


def correlated(count, channels, seed=0):
    """Activations that lie near a space of few dimensions."""
    rng = np.random.default_rng([seed, count, channels])
    latent = rng.standard_normal((count, max(1, channels // 4)))
    mixed = latent @ rng.standard_normal((latent.shape[1], channels))
    return (mixed + 0.1 * rng.standard_normal(mixed.shape)).astype(np.float32)


def round_like_others(weight):
    """Full-range rounding with a scale a column, which knows nothing of pairs."""
    scale = np.abs(weight).max(axis=0) / 127
    return np.round(weight / scale).astype(np.int8), scale


def pairs_of(integers):
    """Neighbours along K; the last row of an odd number has none."""
    last = np.zeros((len(integers) % 2, integers.shape[1]), integers.dtype)
    return np.concatenate([integers, last]).reshape(-1, 2, integers.shape[1])


def saturating_product(activations, integers):
    """What an x86 without VNNI computes: each pair's sum ends at the edges of int16."""
    pairs = pairs_of(integers.astype(np.int32))
    wide = np.pad(activations.astype(np.int32), [(0, 0), (0, len(integers) % 2)])
    sums = wide[:, 0::2, None] * pairs[:, 0] + wide[:, 1::2, None] * pairs[:, 1]
    return np.clip(sums, -32768, 32767).sum(axis=1)


def exact_product(activations, integers):
    return activations.astype(np.int64) @ integers.astype(np.int64)


def hostile(integers):
    """The uint8 rows that each column can bear least, beside random ones."""
    rng = np.random.default_rng(0)
    worst = [255 * (integers.T > 0), 255 * (integers.T < 0), np.full((1, len(integers)), 255)]
    return np.concatenate([*worst, rng.integers(0, 256, (16, len(integers)))]).astype(np.uint8)


def check_safe(integers):
    pairs = pairs_of(integers.astype(np.int32))
    assert integers.dtype == np.int8
    assert np.abs(integers.astype(int)).max() <= 127
    assert np.clip(pairs, 0, None).sum(axis=1).max() <= 128
    assert np.clip(pairs, None, 0).sum(axis=1).min() >= -128
    inputs = hostile(integers)
    np.testing.assert_array_equal(saturating_product(inputs, integers), exact_product(inputs, integers))


@quick
@given(any_weights)
def test_no_pair_overflows_when_weights_are_rounded_by_themselves(weight):
    check_safe(round_to_nearest(weight.astype(np.float64))[0])


@quick
@given(any_weights, st.integers(0, 9))
def test_no_pair_overflows_when_weights_are_rounded_in_turn(weight, seed):
    check_safe(round_gptq(weight.astype(np.float64), correlated(40, len(weight), seed))[0])


@pytest.mark.parametrize(("channels", "columns"), SIZES)
@pytest.mark.parametrize("in_turn", [False, True])
def test_no_pair_overflows_at_any_size(channels, columns, in_turn):
    weight = draw(channels, columns)
    check_safe((round_gptq(weight, correlated(300, channels)) if in_turn else round_to_nearest(weight))[0])


def test_no_pair_overflows_where_both_weights_of_a_pair_are_the_largest():
    weight = np.array([[1.0, -1.0, 1.0, 0.5], [1.0, -1.0, -1.0, 1.0], [1.0, -1.0, 1.0, -0.5]])
    for integers in (round_to_nearest(weight)[0], round_gptq(weight, correlated(40, 3))[0]):
        check_safe(integers)


def test_full_range_rounding_does_overflow():
    integers, _ = round_like_others(draw(64, 32))
    inputs = hostile(integers)
    assert (saturating_product(inputs, integers) != exact_product(inputs, integers)).any()
    with pytest.raises(AssertionError):
        check_safe(integers)


@quick
@given(any_weights)
@example(np.float32([[1.0], [51 / 128]]))  # their step is that of the sum, 1.398 / 128
def test_a_columns_rounding_error_is_at_most_half_a_step_a_weight(weight):
    pairs = pairs_of(weight.astype(np.float64))
    sums = [np.abs(np.clip(sign * pairs, 0, None).sum(axis=1)).max(axis=0) / 128 for sign in (1, -1)]
    step = np.max([*sums, np.abs(weight).max(axis=0) / 127], axis=0)
    integers, scale = round_to_nearest(weight.astype(np.float64))
    error = np.sqrt(np.square(integers * scale - weight.astype(np.float64)).mean(axis=0))
    assert (error <= step / 2 * (1 + 1e-6) + 1e-40).all()


def test_rounding_is_finer_than_with_seven_bits():
    weight = draw(256, 64)
    integers, scale = round_to_nearest(weight)
    step = np.abs(weight).max(axis=0) / 64
    seven_bits = np.square(np.round(weight / step) * step - weight).sum()
    assert np.square(integers * scale - weight).sum() < 0.6 * seven_bits


@pytest.mark.parametrize("channels", [8, 65, 130])
def test_rounding_in_turn_brings_a_product_closer_where_activations_are_correlated(channels):
    weight, rows = draw(channels, 24), correlated(40 * channels, channels)
    in_turn, nearest = (
        np.square(rows @ (integers * scale - weight)).sum()
        for integers, scale in (round_gptq(weight, rows), round_to_nearest(weight))
    )
    assert in_turn < 0.7 * nearest


@pytest.mark.parametrize("channels", [8, 65, 130])
def test_rounding_in_turn_holds_for_activations_that_it_has_not_seen(channels):
    weight, rows = draw(channels, 24), correlated(80 * channels, channels)
    half = len(rows) // 2
    in_turn, nearest = (
        np.square(rows[half:] @ (integers * scale - weight)).sum()
        for integers, scale in (round_gptq(weight, rows[:half]), round_to_nearest(weight))
    )
    assert in_turn < 0.8 * nearest


def test_channels_that_are_always_zero_do_no_harm():
    rows, weight = correlated(200, 10), draw(10, 4)
    rows[:, [0, 7]] = 0
    for each in (rows, np.zeros_like(rows)):
        integers, scale = round_gptq(weight, each)
        check_safe(integers)
        assert np.isfinite(scale).all()


@pytest.mark.parametrize("in_turn", [False, True])
def test_a_column_of_zeros_stays_zero_beside_others(in_turn):
    weight = draw(12, 5)
    weight[:, 2] = 0
    integers, scale = round_gptq(weight, correlated(80, 12)) if in_turn else round_to_nearest(weight)
    assert not integers[:, 2].any()
    assert (np.isfinite(scale) & (scale > 0)).all()
    assert integers[:, [0, 1, 3, 4]].any(axis=0).all()


@pytest.mark.parametrize("value", [3.0, -0.25])
@pytest.mark.parametrize("in_turn", [False, True])
def test_a_single_weight_loses_almost_nothing(value, in_turn):
    weight = np.array([[value]])
    rows = np.ones((4, 1), dtype=np.float32)
    integers, scale = round_gptq(weight, rows) if in_turn else round_to_nearest(weight)
    assert integers.item() * scale.item() == pytest.approx(value, rel=1e-6)


def test_columns_are_rounded_independently_of_their_neighbours():
    weight, rows = draw(20, 6), correlated(200, 20)
    whole = round_gptq(weight, rows)
    for column in range(6):
        alone = round_gptq(weight[:, [column]], rows)
        np.testing.assert_array_equal(whole[0][:, [column]], alone[0])
        np.testing.assert_array_equal(whole[1][[column]], alone[1])
