"""The spent share of a training's budget, and the learning rate that follows from it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from fillmask_export.training.recipe import Recipe

# A step this many times longer than the others includes a pause, such as a suspended machine or a stopped process.
_PAUSE = 5


@dataclass(slots=True)
class Progress:
    """Steps, tokens and seconds over all runs of a training.

    Attributes:
        steps: Number of steps.
        tokens: Number of tokens in them, padding left out.
        seconds: Time of the steps; of a pause within a step only a little counts.
    """

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=50))

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        usual = median(self._recent) if len(self._recent) > 5 else seconds
        self._recent.append(seconds)
        self.steps += 1
        self.tokens += tokens
        self.seconds += min(seconds, _PAUSE * usual)

    def counts(self) -> dict[str, float]:
        """The counts of a continued training."""
        return {"steps": self.steps, "tokens": self.tokens, "seconds": self.seconds}

    def share(self, recipe: Recipe) -> float:
        """The spent share of the budget, from 0 to 1."""
        by_time = self.seconds / (60 * recipe.minutes) if recipe.minutes else 0.0
        by_steps = self.steps / recipe.steps if recipe.steps else 0.0
        return min(1.0, max(by_time, by_steps))


def rate(share: float, warmup: float) -> float:
    """The learning rate as a share of its peak: a linear warm-up, then linear to zero at the budget's end."""
    if share < warmup:
        return max(share / warmup, 1e-3)
    return (1 - share) / (1 - warmup) if share < 1 else 0.0
