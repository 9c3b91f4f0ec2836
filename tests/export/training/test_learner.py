"""The precision is chosen by the time of all shapes, without the first run of each, which makes kernels."""

from types import SimpleNamespace

import pytest

from fillmask_export.training import learner

# Seconds of a batch's first run, and of the others.
FP32 = {"short": (1, 1), "long": (4, 4)}
BF16 = {
    "faster, but for its first runs": {"short": (30, 0.9), "long": (30, 2)},
    "faster for short sequences alone": {"short": (0.1, 0.1), "long": (9, 9)},
}


@pytest.mark.parametrize(("bf16", "chosen"), list(zip(BF16, ["bf16", "fp32"], strict=True)))
def test_the_precision_is_that_of_the_least_time_over_all_shapes(monkeypatch, bf16, chosen):
    clock, seen = [0.0], set()

    def run(batch, precision):
        first, later = (FP32 if precision == "fp32" else BF16[bf16])[batch]
        clock[0] += later if (batch, precision) in seen else first
        seen.add((batch, precision))

    tried = object.__new__(learner.Learner)
    tried.precision, tried._gradients = "auto", run
    tried._optimizer = SimpleNamespace(zero_grad=lambda: None)
    monkeypatch.setattr(learner, "perf_counter", lambda: clock[0])
    tried.choose_precision(["short", "long"])
    assert tried.precision == chosen


def test_a_precision_that_is_given_is_not_timed():
    tried = object.__new__(learner.Learner)
    tried.precision = "bf16"
    tried.choose_precision(["batch"])
    assert tried.precision == "bf16"
