"""The budget counts the time that was trained, and the learning rate reaches zero with its end."""

import pytest

from fillmask_export.training.progress import Progress, rate
from fillmask_export.training.recipe import Recipe


def after(*seconds):
    progress = Progress()
    for each in seconds:
        progress.add(100, each)
    return progress


def test_time_and_steps_are_counted():
    progress = after(*[1.0] * 30)
    assert progress.counts() == {"steps": 30, "tokens": 3000, "seconds": 30.0}
    assert progress.share(Recipe(minutes=1)) == 0.5
    assert progress.share(Recipe(minutes=1, steps=40)) == 0.75
    assert progress.share(Recipe(steps=10)) == 1.0


def test_a_pause_hardly_counts_and_a_machine_that_became_slow_does():
    assert after(*[1.0] * 20, 3600.0).seconds < 30
    assert after(*[1.0] * 20, *[20.0] * 100).seconds > 1500


def test_the_rate_rises_to_its_peak_and_falls_to_zero():
    rates = [rate(share / 100, 0.1) for share in range(101)]
    assert 0 < rates[0] < rates[5] < rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == 0


def test_the_rate_goes_without_a_warm_up():
    assert rate(0.25, 0.0) == 0.75
