"""The settings of an export: evaluation texts, accuracy limits and timing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What variants are calibrated and verified on, and how far they may be from the checkpoint.

    Attributes:
        calibration: A text file with one text a line, for the scales of int8. None takes the built-in sentences, which
            are English and too few for the best int8.
        texts: A text file with one text a line, for the verification. None takes the built-in sentences.
        masks: Number of masks of the verification.
        max_score_difference: Largest difference of any score at any mask; checked for fp32.
        max_kl: Largest mean Kullback-Leibler divergence in nats; checked for every variant but fp32.
        max_accuracy_loss: Largest loss of masked-token accuracy; checked for every variant but fp32. 0.005 is half a
            percentage point.
        rounds: Number of timed runs of each variant and of the checkpoint. 0 measures neither time nor memory.
        pairs: A file with a minimal pair a line, the better text first and a tab between them. On these pairs variants
            are compared with fp32. None makes pairs: a text, and the same text with one token replaced.
    """

    calibration: str | Path | None = None
    texts: str | Path | None = None
    masks: int = 2000
    max_score_difference: float = 1e-5
    max_kl: float = 0.01
    max_accuracy_loss: float = 0.005
    rounds: int = 15
    pairs: str | Path | None = None
