"""The precision is chosen by the time of all shapes, without the first run of each, which makes kernels."""

from types import SimpleNamespace

import pytest
import torch

from fillmask_export.training import learner
from fillmask_export.training.batch import Batch
from fillmask_export.training.model import open_encoder
from fillmask_export.training.recipe import Recipe

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


def test_a_batch_without_a_selected_token_has_no_loss_and_no_gradients(checkpoint_of):
    model, _, new = open_encoder(str(checkpoint_of("wordpiece")), torch.device("cpu"))
    trained = learner.Learner(model, new, Recipe(steps=1, precision="fp32"))
    assert trained.step(batch_of(3), 0.5) > 0
    trained._gradients(batch_of(0), "fp32")
    assert all(weight.grad.eq(0).all() for weight in model.parameters() if weight.grad is not None)
    assert trained.step(batch_of(0), 0.5) is None
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert trained.step(batch_of(3), 0.5) > 0


def batch_of(selected):
    """A batch with so many selected tokens."""
    tokens = torch.full((2, 8), 7)
    return Batch(
        tokens, torch.ones_like(tokens), torch.arange(16).reshape(2, 8) < selected, tokens[0, :selected], selected
    )
