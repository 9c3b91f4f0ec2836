"""Ratios of paired rounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillmask.bench.ratios import Ratio, median_interval, paired_ratio, speed_ratio

ROUNDS = st.lists(st.floats(0.1, 100), min_size=1, max_size=30)
QUIET = Ratio(1.0, 0.98, 1.02)


def test_a_ratio_is_the_median_over_rounds_whatever_disturbed_one_of_them():
    assert paired_ratio([1.0, 2.0, 90.0], [10.0, 20.0, 30.0]).value == 0.1
    found = speed_ratio(np.array([1.0, 1.0, 1.0, 9.0, 1.0]), np.array([2.0, 2.0, 2.0, 2.0, 2.0]))
    assert found.value == 2
    assert found.low <= 2 <= found.high


def test_a_speed_ratio_says_how_many_times_as_fast_ours_is():
    assert speed_ratio([1.0, 2.0], [4.0, 8.0]).value == 4
    assert str(speed_ratio([1.0], [4.0])) == "4.00× [4.00, 4.00]"


@given(ROUNDS, st.floats(0.1, 10))
def test_a_ratio_of_constant_rounds_has_no_interval(below, factor):
    found = paired_ratio([factor * each for each in below], below)
    assert found.value == pytest.approx(factor)
    assert found.half_width == pytest.approx(0, abs=1e-9)


@given(ROUNDS, st.integers(0, 5))
def test_the_interval_holds_the_ratio_and_is_the_same_each_time(above, seed):
    below = list(reversed(above))
    found = paired_ratio(above, below, seed)
    assert found.low <= found.value <= found.high
    assert found == paired_ratio(above, below, seed)


def test_the_interval_covers_the_truth_in_nineteen_runs_of_twenty():
    rng = np.random.default_rng(0)
    runs = [paired_ratio(rng.lognormal(0, 0.1, 25), rng.lognormal(0, 0.1, 25), seed) for seed in range(100)]
    covered = sum(run.low <= 1 <= run.high for run in runs)
    assert 90 <= covered <= 100


def test_the_interval_of_a_median_is_that_of_a_ratio_to_one():
    rounds = np.random.default_rng(0).lognormal(0, 0.1, 25)
    found = paired_ratio(rounds, np.ones(25))
    assert median_interval(rounds) == (found.low, found.high)


@pytest.mark.parametrize(("above", "below"), [([1.0], [1.0, 2.0]), ([], []), ([0.0], [1.0])])
def test_rounds_that_do_not_pair_are_refused(above, below):
    with pytest.raises(ValueError, match="a ratio needs"):
        paired_ratio(above, below)


@pytest.mark.parametrize(
    ("found", "control", "exceeds"),
    [
        (Ratio(1.5, 1.4, 1.6), QUIET, True),
        (Ratio(0.5, 0.4, 0.6), QUIET, True),
        (Ratio(1.01, 0.99, 1.03), QUIET, False),
        (Ratio(1.015, 1.01, 1.03), QUIET, False),  # off 1, but not outside the noise
        (Ratio(1.1, 0.99, 1.2), Ratio(1.0, 1.0, 1.0), False),
        (Ratio(1.1, 1.05, 1.2), Ratio(1.0, 0.9, 1.1), False),
        (Ratio(0.95, 0.9, 0.99), Ratio(1.0, 0.85, 1.1), False),
        (Ratio(1.05, 1.03, 1.07), Ratio(1.06, 1.04, 1.08), False),  # the control itself is off
        (Ratio(1.05, 1.03, 1.07), Ratio(0.93, 0.91, 0.95), False),  # in the other direction
    ],
)
def test_a_difference_counts_outside_one_and_outside_the_noise(found, control, exceeds):
    assert found.exceeds(control) is exceeds
