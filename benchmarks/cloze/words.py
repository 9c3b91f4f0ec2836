"""One word behind one mask: the object of a relation, the last word of a passage. Asked through ``predict_many``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from benchmarks.cloze import estimates
from benchmarks.cloze.material import Fact, Passage
from benchmarks.cloze.subjects import Subject


def relations(subject: Subject, facts: Sequence[Fact]) -> dict[str, Any]:
    """Ask for the objects of facts, those that are one token.

    Returns:
        ``p_at_1`` and ``p_at_5``, means over relations; ``pooled_p_at_1`` and ``pooled_p_at_5`` over facts;
        ``relations``, both of each.
    """
    mask = subject.reader.tokenization.mask_token
    asked = [(fact, token) for fact in facts if (token := subject.reader.token(fact.object)) is not None]
    texts = [fact.template.replace("[X]", fact.subject).replace("[Y]", mask) for fact, _ in asked]
    ranks = _ranks(subject, texts, [token for _, token in asked])
    names = [fact.relation for fact, _ in asked]
    strata = {
        name: np.array([rank for _, rank in group])
        for name, group in groupby(zip(names, ranks, strict=True), lambda pair: pair[0])
    }
    found: dict[str, Any] = {}
    for k in (1, 5):
        hits = {name: (group < k).astype(float) for name, group in strata.items()}
        found[f"p_at_{k}"] = estimates.mean_of_means(list(hits.values()))
        found[f"pooled_p_at_{k}"] = estimates.mean([np.array([hit]) for group in hits.values() for hit in group])
    by_relation = {name: [_share(group < 1), _share(group < 5), group.size] for name, group in strata.items()}
    return {**found, "relations": by_relation}


def last_words(subject: Subject, passages: Sequence[Passage]) -> dict[str, Any]:
    """Ask for the last words of passages, those that are one token. A full stop follows the mask."""
    mask = subject.reader.tokenization.mask_token
    asked = [(each, token) for each in passages if (token := subject.reader.token(each.word)) is not None]
    ranks = _ranks(subject, [f"{passage.text} {mask}." for passage, _ in asked], [token for _, token in asked])
    hits = {"accuracy": ranks < 1, "top_5": ranks < 5}
    return {name: estimates.mean([np.array([hit]) for hit in each.astype(float)]) for name, each in hits.items()}


def _ranks(subject: Subject, texts: Sequence[str], tokens: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where each token stands among the first five, 5 where it does not."""
    if not texts:
        raise ValueError(f"no word asked for is one token of {subject.name}; it is no model of English words")
    answers = subject.first(texts)
    found = [answer.index(token) if token in answer else 5 for answer, token in zip(answers, tokens, strict=True)]
    return np.array(found, dtype=np.int64)


def _share(hits: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    return round(float(hits.mean()), 4)
