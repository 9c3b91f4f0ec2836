import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.stats import Ratio, claim, enough_for, percentile, ratio

ROUNDS = st.lists(st.floats(0.1, 100), min_size=1, max_size=30)


def test_percentiles_are_numpys():
    values = [3.0, 1.0, 2.0, 10.0]
    assert percentile(values, 50) == 2.5
    assert percentile(values, 0) == 1
    assert percentile(values, 100) == 10


def test_a_percentile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(("q", "n"), [(50, 11), (90, 64), (99, 662)])
def test_the_least_number_of_calls_for_a_percentile_is_mlperfs(q, n):
    assert enough_for(q, n)
    assert not enough_for(q, n - 1)
    assert not enough_for(q, 0)


def test_a_ratio_is_the_median_over_rounds_whatever_disturbed_one_of_them():
    assert ratio([1.0, 2.0, 90.0], [10.0, 20.0, 30.0]).value == 0.1


@given(ROUNDS, st.floats(0.1, 10))
def test_a_ratio_of_constant_rounds_has_no_interval(theirs, factor):
    found = ratio([factor * each for each in theirs], theirs)
    assert found.value == pytest.approx(factor)
    assert found.half_width == pytest.approx(0, abs=1e-9)


@given(ROUNDS, st.integers(0, 5))
def test_the_interval_holds_the_ratio_and_is_the_same_each_time(ours, seed):
    theirs = list(reversed(ours))
    found = ratio(ours, theirs, seed)
    assert found.low <= found.value <= found.high
    assert found == ratio(ours, theirs, seed)


def test_the_interval_covers_the_truth_in_nineteen_runs_of_twenty():
    rng = np.random.default_rng(0)
    runs = [ratio(rng.lognormal(0, 0.1, 25), rng.lognormal(0, 0.1, 25), seed) for seed in range(100)]
    covered = sum(run.low <= 1 <= run.high for run in runs)
    assert 90 <= covered <= 100


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [1.0, 2.0]), ([], []), ([0.0], [1.0])])
def test_rounds_that_do_not_pair_are_refused(ours, theirs):
    with pytest.raises(ValueError, match="a ratio needs"):
        ratio(ours, theirs)


QUIET = Ratio(1.0, 0.98, 1.02)


@pytest.mark.parametrize(
    ("found", "control", "said"),
    [
        (Ratio(2.0, 1.9, 2.1), QUIET, "faster"),
        (Ratio(0.5, 0.4, 0.6), QUIET, "slower"),
        (Ratio(1.01, 0.99, 1.03), QUIET, "none"),
        (Ratio(1.015, 1.01, 1.03), QUIET, "none"),  # off 1, but not outside the noise
        (Ratio(1.05, 1.03, 1.07), Ratio(1.06, 1.04, 1.08), "none"),  # the control itself is off
        (Ratio(1.05, 1.03, 1.07), Ratio(0.93, 0.91, 0.95), "none"),  # in the other direction
    ],
)
def test_a_claim_needs_an_interval_off_1_and_outside_the_noise(found, control, said):
    assert claim(found, control) == said


def test_of_times_less_is_faster():
    assert claim(Ratio(0.5, 0.4, 0.6), QUIET, more_is_better=False) == "faster"
    assert claim(Ratio(2.0, 1.9, 2.1), QUIET, more_is_better=False) == "slower"
