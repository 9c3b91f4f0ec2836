"""Words and sentences by the engine's own verbs: objects of relations, last words of passages, minimal pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.estimates import Values, mean, mean_of_means
from benchmarks.evaluation.texts import Fact, Pair, Passage
from fillmask import FillMask, InputError
from fillmask.runtime.cpu import available_threads
from fillmask.tasks.score import Method

METHODS: tuple[Method, ...] = ("original", "word_l2r")
"""Definitions of the pseudo-log-likelihood by which minimal pairs are decided."""
_K = 5
_BATCH = 32


def batch_size(fill_mask: FillMask) -> int:
    """Texts that run together; 1 where they would change each other's scores."""
    return _BATCH if fill_mask.batch_invariant else 1


def checked(result: Any) -> Any:  # noqa: ANN401 -- predictions or scores
    """The result of a text.

    Raises:
        InputError: It is the error of a text.
    """
    if isinstance(result, InputError):
        raise result
    return result


def relations(fill_mask: FillMask, facts: Sequence[Fact]) -> dict[str, Any]:
    """Predict the objects of facts, those that are one token.

    Returns:
        ``p_at_1`` and ``p_at_5``, means over relations; ``pooled_p_at_1`` and ``pooled_p_at_5``, means over facts;
        ``relations``, P@1, P@5 and the number of facts of each.
    """
    mask = fill_mask.tokenizer.mask_token
    texts = [fact.template.replace("[X]", fact.subject).replace("[Y]", mask) for fact in facts]
    known, ranks = _ranks(fill_mask, texts, [fact.object for fact in facts])
    names = np.array([fact.relation for fact in facts])[known]
    strata = {str(name): ranks[names == name] for name in dict.fromkeys(names.tolist())}
    found: dict[str, Any] = {}
    for k in (1, _K):
        found[f"p_at_{k}"] = mean_of_means([(each < k).astype(float) for each in strata.values()])
        found[f"pooled_p_at_{k}"] = mean(_singles(ranks < k))
    by_relation = {name: [_share(each < 1), _share(each < _K), each.size] for name, each in strata.items()}
    return {**found, "relations": by_relation}


def last_words(fill_mask: FillMask, passages: Sequence[Passage]) -> dict[str, Any]:
    """Predict the last words of passages, those that are one token. A full stop follows the mask."""
    texts = [f"{passage.text} {fill_mask.tokenizer.mask_token}." for passage in passages]
    _, ranks = _ranks(fill_mask, texts, [passage.word for passage in passages])
    return {"accuracy": mean(_singles(ranks < 1)), "top_5": mean(_singles(ranks < _K))}


def minimal_pairs(fill_mask: FillMask, pairs: Sequence[Pair], method: Method) -> dict[str, Any]:
    """Count the pairs whose grammatical sentence has the higher pseudo-log-likelihood by a method of ``score``.

    Returns:
        ``accuracy``, the mean over paradigms, and ``paradigms``, the share and the number of pairs of each.
    """
    sentences = [text for pair in pairs for text in (pair.good, pair.bad)]
    scores = fill_mask.score_many(
        sentences, method=method, batch_size=batch_size(fill_mask), workers=available_threads()
    )
    likelihoods = [result.log_prob for result in map(checked, scores)]
    right: dict[str, list[float]] = {}
    for pair, good, bad in zip(pairs, likelihoods[::2], likelihoods[1::2], strict=True):
        right.setdefault(pair.paradigm, []).append(float(good > bad))
    return {
        "accuracy": mean_of_means([np.array(each) for each in right.values()]),
        "paradigms": {name: [round(float(np.mean(each)), 4), len(each)] for name, each in right.items()},
    }


def _ranks(
    fill_mask: FillMask, texts: Sequence[str], words: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which words are one token, and the ranks of those behind the masks of their texts; 5 if not among five.

    Raises:
        ValueError: No word is one token.
    """
    labels = [_token(fill_mask, word) for word in words]
    known = np.array([label is not None for label in labels])
    if not known.any():
        raise ValueError(f"no word of these texts is one token of {fill_mask!r}; it is no model of English words")
    asked = [text for text, label in zip(texts, labels, strict=True) if label is not None]
    results = fill_mask.predict_many(
        asked, top_k=_K, truncation="window", batch_size=batch_size(fill_mask), workers=available_threads()
    )
    first = [[each.token for each in result[0]] for result in map(checked, results)]
    wanted = [label for label in labels if label is not None]
    ranks = [tokens.index(label) if label in tokens else _K for tokens, label in zip(first, wanted, strict=True)]
    return known, np.array(ranks)


def _token(fill_mask: FillMask, word: str) -> int | None:
    """The token of a word inside a text; None where the word is several tokens or unknown."""
    tokenizer = fill_mask.model.tokenizer
    ids = tokenizer.tokenizer.encode(f" {word}", add_special_tokens=False).ids
    return int(ids[0]) if len(ids) == 1 and ids[0] != tokenizer.unk_token_id else None


def _singles(hits: NDArray[np.bool_]) -> list[Values]:
    """Each value as a group of its own."""
    return list(hits.astype(float)[:, None])


def _share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4)
