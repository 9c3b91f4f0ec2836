import pytest

from benchmarks.harness.stats import claim, drift, narrow, ratio
from fillmask.bench.ratios import Ratio

QUIET = Ratio(1.0, 0.98, 1.02)


@pytest.mark.parametrize("unit", ["ms", "s"])
def test_of_times_a_ratio_is_theirs_over_ours(unit):
    assert ratio(unit, [1.0, 2.0], [4.0, 8.0]).value == 4


@pytest.mark.parametrize("unit", ["texts/s", "GOP/s", "MB", ""])
def test_of_rates_and_sizes_a_ratio_is_ours_over_theirs(unit):
    assert ratio(unit, [1.0, 2.0], [4.0, 8.0]).value == 0.25


@pytest.mark.parametrize(
    ("found", "control", "claimed"),
    [
        (Ratio(2.0, 1.9, 2.1), QUIET, "faster"),
        (Ratio(0.5, 0.4, 0.6), QUIET, "slower"),
        (Ratio(1.01, 0.99, 1.03), QUIET, "none"),
        (Ratio(1.015, 1.01, 1.03), QUIET, "none"),  # off 1, but not outside the noise
        (Ratio(1.05, 1.03, 1.07), Ratio(1.06, 1.04, 1.08), "none"),  # the control itself is off
        (Ratio(1.05, 1.03, 1.07), Ratio(0.93, 0.91, 0.95), "none"),  # in the other direction
    ],
)
def test_a_claim_needs_an_interval_off_1_and_outside_the_noise(found, control, claimed):
    for unit in ("ms", "texts/s"):
        assert claim(unit, found, control) == claimed


def test_of_sizes_less_is_better():
    assert claim("MB", Ratio(0.5, 0.4, 0.6), QUIET) == "faster"
    assert claim("MB", Ratio(2.0, 1.9, 2.1), QUIET) == "slower"


@pytest.mark.parametrize("values", [[1.0] * 5 + [1.1] * 5 + [1.21] * 5, [1.21] * 5 + [1.1] * 5 + [1.0] * 5])
def test_drift_is_that_of_thirds_in_either_direction(values):
    assert drift(values) == pytest.approx(1.21)


def test_a_disturbed_round_is_no_drift():
    assert drift([1.0, 1.0, 9.0] * 5) == 1.0
    assert drift([2.0]) == 1.0


@pytest.mark.parametrize(
    ("twin", "said"), [([1.0, 1.0, 1.0], True), ([0.7, 1.0, 1.4], False), ([], True), ([1.0, 1.0], True)]
)
def test_a_twin_is_narrow_if_it_agrees_or_has_failed(twin, said):
    assert narrow([1.0, 1.0, 1.0], twin) is said
