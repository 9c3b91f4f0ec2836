"""What training raises."""

from __future__ import annotations

from fillmask.errors import FillMaskError


class TrainingError(FillMaskError, ValueError):
    """A training cannot start, or cannot go on from what an earlier run left."""
