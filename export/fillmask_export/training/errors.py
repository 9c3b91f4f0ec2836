"""The errors of training."""

from __future__ import annotations

from fillmask.errors import FillMaskError


class TrainingError(FillMaskError, ValueError):
    """A training cannot start, cannot continue an earlier run, or was stopped."""


class StoppedError(TrainingError):
    """A signal stopped the training; its state is saved."""
