"""What is asked of every text of a call: how many tokens, of which, and from how much of the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask.encoding import Truncation, check_truncation
from fillmask.errors import TargetsError, TopKError
from fillmask.selection import top_k as best_ids

DEFAULT_TOP_K = 5


@dataclass(frozen=True, slots=True)
class Question:
    """A call's arguments, checked.

    Attributes:
        top_k: Predictions per mask.
        target_ids: The tokens that may be predicted, ``int64[t]`` ascending, or None for all.
        truncation: What to do with a text that is too long.
    """

    top_k: int
    target_ids: NDArray[np.int64] | None
    truncation: Truncation | None

    def select(self, logits: NDArray[np.float32]) -> NDArray[np.int64]:
        """The best of the tokens asked for, ``int64[k]``, from ``logits float32[V]``."""
        if self.target_ids is None:
            return best_ids(logits, self.top_k)
        return self.target_ids[best_ids(logits[self.target_ids], self.top_k)]


def ask(
    vocab_size: int,
    *,
    top_k: int | None,
    target_ids: NDArray[np.int64] | None,
    truncation: Truncation | None,
) -> Question:
    """Check a call's arguments.

    Args:
        vocab_size: Tokens that the model scores.
        top_k: Predictions per mask, None for 5. Targets cap it at their number, as transformers does.
        target_ids: Tokens to score, ``int64[t]`` ascending, None for the whole vocabulary.
        truncation: See ``Encoder.encode``.

    Raises:
        InputError: One of them is wrong.
    """
    check_truncation(truncation)
    if target_ids is None:
        return Question(_check_top_k(top_k, vocab_size), None, truncation)
    if not target_ids.size:
        raise TargetsError("At least one target must be provided when passed.")
    if target_ids[-1] >= vocab_size:
        raise TargetsError(f"a target is token {target_ids[-1]}, the model scores only {vocab_size} tokens")
    return Question(min(_check_top_k(top_k, None), target_ids.size), target_ids, truncation)


def _check_top_k(top_k: int | None, limit: int | None) -> int:
    if top_k is None:
        return DEFAULT_TOP_K if limit is None else min(DEFAULT_TOP_K, limit)
    whole = isinstance(top_k, (int, np.integer)) and not isinstance(top_k, bool)
    if not whole or top_k < 0 or (limit is not None and top_k > limit):
        allowed = "at least 0" if limit is None else f"from 0 to {limit}, the size of the vocabulary"
        raise TopKError(f"top_k must be a whole number {allowed}, got {top_k!r}")
    return int(top_k)
