"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from fillmask_export.training.errors import TrainingError

PRECISIONS = ("auto", "fp32", "bf16")

_POSITIVE = (
    "minutes",
    "steps",
    "learning_rate",
    "head_learning_rate",
    "batch_tokens",
    "max_length",
    "short_length",
    "selected",
    "held_out",
)
_SHARES = ("warmup", "long_share", "selected", "masked", "random")
_SEED_BITS = 63  # PyTorch takes 64 bits of the seed and the number of a step together


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training. With the same seed, ``steps`` and machine, two trainings are the same.

    Attributes:
        minutes: Time to train for; the learning rate reaches zero at its end.
        steps: Steps to train for; with both, the first to end counts.
        learning_rate: Peak learning rate.
        head_learning_rate: Peak learning rate of a head that the checkpoint lacks and that starts at random.
        warmup: Share of the budget until the peak.
        batch_tokens: Tokens of one step, padding included.
        max_length: Tokens of the longest sequence, special tokens included; at most what the model takes.
        short_length: Most sequences are at most about this long, and end with their paragraph.
        long_share: Share of the text that is cut into sequences of ``short_length`` to ``max_length`` tokens.
        selected: Share of tokens to predict.
        masked: Share of the selected tokens that are replaced by the mask token.
        random: Share of the selected tokens that are replaced by a random one; the others stay as they are.
        held_out: Tokens of text kept for evaluation, at most a tenth of all. Documents are kept whole: where each has
            more tokens than that, the smallest is kept.
        field: The field of the text in a line of JSONL.
        seed: Seed of all random numbers.
        precision: ``"fp32"``, ``"bf16"`` (autocast), or ``"auto"``: the faster of the two on this device.
        device: Such as ``"cuda"``; None for a GPU where there is one.
    """

    minutes: float | None = None
    steps: int | None = None
    learning_rate: float = 5e-4
    head_learning_rate: float = 1.5e-3
    warmup: float = 0.03
    batch_tokens: int = 4096
    max_length: int = 512
    short_length: int = 128
    long_share: float = 0.15
    selected: float = 0.2
    masked: float = 0.9
    random: float = 0.05
    held_out: int = 60_000
    field: str = "text"
    seed: int = 0
    precision: str = "auto"
    device: str | None = None

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise TrainingError("a training needs an end: give minutes, steps or both")
        self._check_numbers()
        if self.masked + self.random > 1:
            raise TrainingError(f"masked and random are at most 1 together, not {self.masked} and {self.random}")
        if not 0 <= self.seed < 2**_SEED_BITS:
            raise TrainingError(f"seed must be from 0 to 2**{_SEED_BITS} - 1, not {self.seed}")
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}")

    def _check_numbers(self) -> None:
        for name in _POSITIVE:
            if (value := getattr(self, name)) is not None and not 0 < value < inf:
                raise TrainingError(f"{name} must be more than 0, and finite, not {value}")
        for name in _SHARES:
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise TrainingError(f"{name} is a share, from 0 to 1, not {value}")
