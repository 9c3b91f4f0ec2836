"""Minimal pairs: whether the grammatical sentence has the higher pseudo-log-likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.cloze import estimates
from benchmarks.cloze.material import Pair
from benchmarks.cloze.subjects import Subject


def measure(subject: Subject, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Ask which sentence of each pair is likelier.

    Returns:
        ``accuracy``, the mean over paradigms, and ``paradigms``, the share of each and how many pairs it has.
    """
    sentences = [sentence for pair in pairs for sentence in (pair.good, pair.bad)]
    likelihoods = pseudo_log_likelihoods(subject, sentences)
    right: dict[str, list[float]] = {}
    for pair, good, bad in zip(pairs, likelihoods[::2], likelihoods[1::2], strict=True):
        right.setdefault(pair.paradigm, []).append(float(good > bad))
    return {
        "accuracy": estimates.mean_of_means([np.array(each) for each in right.values()]),
        "paradigms": {name: [round(float(np.mean(each)), 4), len(each)] for name, each in right.items()},
    }


def pseudo_log_likelihoods(subject: Subject, sentences: Sequence[str]) -> list[float]:
    """Sum, over the tokens of each sentence, the log-probability of the token where it alone is masked, in nats.

    Source: Salazar et al. 2020, Masked Language Model Scoring.
    """
    rows = [subject.reader.one_by_one(sentence) for sentence in sentences]
    judged = iter(subject.judge([row for each in rows for row in each]))
    return [float(sum(next(judged).log_probs[0] for _ in each)) for each in rows]
