"""Searches beside exhaustive search over a toy vocabulary, which is written in numpy apart from the engine."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from fillmask.hypotheses import BestLogProbs, Hypothesis, Layout, confident, independent, left, refine

VOCAB, MASK = 6, 99
TEXT = [7, MASK, 8, MASK, MASK, 9]


def logits_at(ids, position):
    """What a model of six tokens gives: random numbers, the same for the same tokens and position."""
    return np.random.default_rng([*ids, position]).standard_normal(VOCAB).astype(np.float32) * 2


def log_softmax(ids, position):
    logits = logits_at(ids, position).astype(np.float64)
    return logits - np.log(np.exp(logits).sum())


def layout(count, allowed=None):
    ids = list(TEXT)
    places = [index for index, token in enumerate(ids) if token == MASK][:count]
    return Layout(np.array(ids), tuple(places), (allowed,) * count, (range(count),))


def run(search, rows=None):
    """Drive a search by the toy model; ``rows`` receives the tokens of each row."""
    results = None
    try:
        while True:
            reads = search.send(results)
            results = []
            for read in reads:
                ids = read.input_ids.tolist()
                if rows is not None:
                    rows.append(ids)
                results.append(read.reading(np.stack([logits_at(ids, place) for place in read.positions.tolist()])))
    except StopIteration as end:
        return end.value


def filled(text, tokens):
    """The ids of a layout with some tokens, None for a mask."""
    ids = text.input_ids.tolist()
    for place, token in zip(text.places, tokens, strict=True):
        ids[place] = MASK if token is None else token
    return ids


def left_to_right(text, tokens):
    """The sum of log probabilities from left to right."""
    total = 0.0
    for index, token in enumerate(tokens):
        masked = [*tokens[:index], *[None] * (len(tokens) - index)]
        total += log_softmax(filled(text, masked), text.places[index])[token]
    return total


def assert_same(found, expected):
    assert [each.tokens for each in found] == [tokens for tokens, _ in expected]
    np.testing.assert_allclose([each.log_prob for each in found], [total for _, total in expected], rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_wide_beam_finds_what_exhaustive_search_finds(count):
    text = layout(count)
    every = {tokens: left_to_right(text, tokens) for tokens in product(range(VOCAB), repeat=count)}
    expected = sorted(every.items(), key=lambda pair: -pair[1])[:5]
    assert_same(run(left(text, VOCAB ** (count - 1), 5)), expected)
    assert np.exp([*every.values()]).sum() == pytest.approx(1)


def test_a_beam_of_width_one_is_greedy():
    text, tokens = layout(3), []
    for index, place in enumerate(text.places):
        ids = filled(text, [*tokens, *[None] * (3 - index)])
        tokens.append(int(np.argmax(log_softmax(ids, place))))
    assert_same(run(left(text, 1, 1)), [(tuple(tokens), left_to_right(text, tuple(tokens)))])


def test_a_beam_reads_one_row_a_hypothesis_and_place():
    rows = []
    run(left(layout(3), 4, 2), rows)
    assert len(rows) == 1 + 4 + 4


def test_more_results_than_the_beam_is_wide():
    assert len(run(left(layout(2), 1, 5))) == 5
    assert len(run(left(layout(1), 1, 50))) == VOCAB


def tree(text, tokens=(None, None, None), total=0.0):
    """All ends of choosing the place of the highest probability next."""
    ids = filled(text, tokens)
    opened = {index: log_softmax(ids, text.places[index]) for index, token in enumerate(tokens) if token is None}
    if not opened:
        yield tokens, total
        return
    place = max(opened, key=lambda index: opened[index].max())
    for token, log_prob in enumerate(opened[place]):
        yield from tree(text, (*tokens[:place], token, *tokens[place + 1 :]), total + float(log_prob))


def test_the_most_confident_place_is_filled_first():
    text = layout(3)
    every: dict[tuple, float] = {}
    for tokens, total in tree(text):
        every[tokens] = max(total, every.get(tokens, -np.inf))
    expected = sorted(every.items(), key=lambda pair: -pair[1])[:5]
    assert_same(run(confident(text, VOCAB**2, 5)), expected)


def test_independent_tokens_are_the_best_of_the_products():
    text, rows = layout(3), []
    every = {
        tokens: sum(
            log_softmax(text.input_ids.tolist(), place)[token] for place, token in zip(text.places, tokens, strict=True)
        )
        for tokens in product(range(VOCAB), repeat=3)
    }
    expected = sorted(every.items(), key=lambda pair: -pair[1])[:9]
    assert_same(run(independent(text, 1, 9), rows), expected)
    assert len(rows) == 1


@pytest.mark.parametrize("search", [left, confident, independent])
def test_only_allowed_tokens_are_chosen_and_the_softmax_is_over_all(search):
    allowed = np.array([1, 4]).tobytes()
    found = run(search(layout(2, allowed), VOCAB, 50))
    assert {token for each in found for token in each.tokens} == {1, 4}
    assert len(found) == 4
    assert sum(np.exp(each.log_prob) for each in found) < 1


def test_equal_sums_come_by_lower_tokens(monkeypatch):
    monkeypatch.setitem(globals(), "logits_at", lambda *_: np.zeros(VOCAB, np.float32))
    found = run(left(layout(2), 3, 4))
    assert [each.tokens for each in found] == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_refining_ends_where_no_token_changes_and_scores_from_left_to_right():
    text = layout(3)
    start = run(independent(text, 1, 4))
    found = run(refine(text, start, 50))
    assert 1 <= len(found) <= 4
    for each in found:
        assert each.log_prob == pytest.approx(left_to_right(text, each.tokens), abs=1e-6)
    assert [each.log_prob for each in found] == sorted((each.log_prob for each in found), reverse=True)


def sweep(text, tokens):
    tokens = list(tokens)
    for index, place in enumerate(text.places):
        ids = filled(text, [*tokens[:index], None, *tokens[index + 1 :]])
        tokens[index] = int(np.argmax(log_softmax(ids, place)))
    return tuple(tokens)


@pytest.mark.parametrize("sweeps", [1, 2, 7])
def test_a_sweep_chooses_each_token_again(sweeps):
    text = layout(3)
    (start,) = run(left(text, 1, 1))
    tokens, seen = start.tokens, {start.tokens}
    for _ in range(sweeps):
        tokens = sweep(text, tokens)
        if tokens in seen:
            break
        seen.add(tokens)
    assert run(refine(text, [start], sweeps))[0].tokens == tokens


def test_hypotheses_that_become_equal_count_once():
    text = layout(2)
    same = [Hypothesis((token, token), (0.0, 0.0)) for token in range(VOCAB)]
    found = run(refine(text, same, 9))
    assert len({each.tokens for each in found}) == len(found)


def test_a_reading_compares_by_its_tokens():
    allowed = np.array([1, 4]).tobytes()
    assert BestLogProbs(2, (allowed,)) == BestLogProbs(2, (bytes(allowed),))
    assert hash(BestLogProbs(2, (None,))) == hash(BestLogProbs(2, (None,)))


def test_a_token_of_probability_zero_has_minus_infinity():
    logits = np.array([[0.0, -np.inf]], np.float32)
    assert BestLogProbs(2, (None,))(logits) == [[(0, 0.0), (1, -np.inf)]]
