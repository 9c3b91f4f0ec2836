"""Minimal pairs: whether the grammatical sentence has the higher pseudo-log-likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.evaluation import estimates
from benchmarks.evaluation.models import Model
from benchmarks.evaluation.texts import Pair


def measure(model: Model, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Count the pairs whose grammatical sentence is likelier.

    Returns:
        ``accuracy``, the mean over paradigms, and ``paradigms``, the share and the number of pairs of each.
    """
    likelihoods = pseudo_log_likelihoods(model, [text for pair in pairs for text in (pair.good, pair.bad)])
    right: dict[str, list[float]] = {}
    for pair, good, bad in zip(pairs, likelihoods[::2], likelihoods[1::2], strict=True):
        right.setdefault(pair.paradigm, []).append(float(good > bad))
    return {
        "accuracy": estimates.mean_of_means([np.array(each) for each in right.values()]),
        "paradigms": {name: [round(float(np.mean(each)), 4), len(each)] for name, each in right.items()},
    }


def pseudo_log_likelihoods(model: Model, sentences: Sequence[str]) -> list[float]:
    """Sum the log-probability of each token where that token alone is masked, in nats.

    Source: Salazar et al. 2020, Masked Language Model Scoring.
    """
    rows = [model.encoder.one_by_one(sentence) for sentence in sentences]
    scores = iter(model.score([row for each in rows for row in each]))
    return [float(sum(next(scores).log_probs[0] for _ in each)) for each in rows]
