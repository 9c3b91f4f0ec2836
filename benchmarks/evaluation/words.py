"""One masked word: the object of a relation, the last word of a passage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation import estimates
from benchmarks.evaluation.models import Model
from benchmarks.evaluation.texts import Fact, Passage


def relations(model: Model, facts: Sequence[Fact]) -> dict[str, Any]:
    """Predict the objects of facts, those that are one token.

    Returns:
        ``p_at_1`` and ``p_at_5``, means over relations; ``pooled_p_at_1`` and ``pooled_p_at_5``, means over facts;
        ``relations``, P@1, P@5 and the number of facts of each.
    """
    mask = model.encoder.mask_token
    labels = [(fact, token) for fact in facts if (token := model.encoder.token(fact.object)) is not None]
    texts = [fact.template.replace("[X]", fact.subject).replace("[Y]", mask) for fact, _ in labels]
    ranks = _ranks(model, texts, [token for _, token in labels])
    names = [fact.relation for fact, _ in labels]
    strata = {
        name: np.array([rank for _, rank in group])
        for name, group in groupby(zip(names, ranks, strict=True), lambda pair: pair[0])
    }
    found: dict[str, Any] = {}
    for k in (1, 5):
        hits = [(each < k).astype(float) for each in strata.values()]
        found[f"p_at_{k}"] = estimates.mean_of_means(hits)
        found[f"pooled_p_at_{k}"] = estimates.mean([np.array([hit]) for each in hits for hit in each])
    by_relation = {name: [_share(each < 1), _share(each < 5), each.size] for name, each in strata.items()}
    return {**found, "relations": by_relation}


def last_words(model: Model, passages: Sequence[Passage]) -> dict[str, Any]:
    """Predict the last words of passages, those that are one token. A full stop follows the mask."""
    mask = model.encoder.mask_token
    labels = [(each, token) for each in passages if (token := model.encoder.token(each.word)) is not None]
    ranks = _ranks(model, [f"{passage.text} {mask}." for passage, _ in labels], [token for _, token in labels])
    hits = {"accuracy": ranks < 1, "top_5": ranks < 5}
    return {name: estimates.mean([np.array([hit]) for hit in each.astype(float)]) for name, each in hits.items()}


def _ranks(model: Model, texts: Sequence[str], labels: Sequence[int]) -> NDArray[np.int64]:
    """The rank of each label behind the only mask of its text."""
    if not texts:
        raise ValueError(f"no word of these texts is one token of {model.name}; it is no model of English words")
    rows = [model.encoder.cloze(text, label) for text, label in zip(texts, labels, strict=True)]
    return np.concatenate([each.ranks for each in model.score(rows)])


def _share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4)
