"""``infill`` beside ``predict`` and exhaustive search; the searches themselves are tested in test_hypotheses.py."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from fillmask import InputError, NoMaskError, TooLongError, UnusedWarning
from fillmask.results import as_json
from fillmask.tasks.infill import MOST_LAYOUTS
from tests.support import toys
from tests.support.goldens import FAMILIES, golden

PARTS = ["the", "un", " ", "  ", "\r\n", "(", "e\u0301", "👩‍👩‍👧", "שלום", "我喜欢猫", "สวัสดี"]
TEXT = "the [MASK] is in [MASK]."


def token_log_probs(before, behind):
    """What the toy model gives between two tokens, by numpy."""
    left, right = toys.tables()
    logits = (left[before] + right[behind]).astype(np.float64)
    return logits - np.log(np.exp(logits).sum())


@pytest.mark.parametrize("order", ["left", "confident", "independent"])
def test_one_slot_of_one_piece_is_predict(fill_mask, order):
    text = "the {mask} sat."
    (mask,) = fill_mask.predict(text, top_k=8, filled=True)
    expected = list({each.filled: each for each in reversed(mask)}.values())[::-1]
    found = fill_mask.infill(text, top_k=8, order=order, words=False)
    assert [each.filled for each in found] == [each.filled for each in expected]
    for each, prediction in zip(found, expected, strict=True):
        assert each.score == pytest.approx(prediction.score, abs=1e-6)
        assert each.log_prob == pytest.approx(math.log(prediction.score), abs=1e-5)
        (fill,) = each.fills
        assert (fill.text, fill.start, fill.end) == (prediction.text, prediction.start, prediction.end)
        assert (fill.token_ids, fill.log_prob) == ((prediction.token,), each.log_prob)


def test_one_slot_of_one_word_is_the_best_whole_word(fill_mask):
    text = "the [MASK] sat."
    best = fill_mask.predict(text, top_k=1, words=True, filled=True)[0][0]
    assert fill_mask.infill(text, top_k=1)[0].filled == best.filled


def test_two_glued_masks_are_searched_as_exhaustive_search_does(native):
    """The toy model reads the neighbors of a mask, so numpy finds all 80 × 80 pairs."""
    ids = native.model.tokenizer.tokenizer.encode("the [MASK][MASK] sat").ids
    the, mask, sat = ids[1], ids[2], ids[4]
    first = token_log_probs(the, mask)
    sums = np.stack([first[token] + token_log_probs(token, sat) for token in range(toys.VOCAB_SIZE)])
    best = np.unravel_index(sums.argmax(), sums.shape)
    (found, *_) = native.infill("the [MASK][MASK] sat", width=toys.VOCAB_SIZE, words=False)
    assert found.fills[0].token_ids == tuple(int(token) for token in best)
    assert found.log_prob == pytest.approx(float(sums.max()), abs=1e-5)


def test_independent_fills_are_those_of_predict(fill_mask):
    (best,) = fill_mask.infill(TEXT, top_k=1, order="independent", words=False)
    masks = fill_mask.predict(TEXT, top_k=1)
    assert [fill.token_ids for fill in best.fills] == [(mask[0].token,) for mask in masks]
    assert best.score == pytest.approx(math.prod(mask[0].score for mask in masks), abs=1e-6)


def test_fills_add_up(fill_mask):
    for each in fill_mask.infill(TEXT, pieces=(1, 2)):
        assert each.log_prob == pytest.approx(math.fsum(fill.log_prob for fill in each.fills))
        assert each.score == pytest.approx(math.exp(each.log_prob))


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(parts=st.lists(st.lists(st.sampled_from(PARTS), max_size=3), min_size=3, max_size=3))
def test_nothing_else_of_a_text_changes(family, parts):
    model = golden(family)
    first, between, last = ("".join(part) for part in parts)
    text = model.mask_token.join([first, f"{between} ", last])
    try:
        infills = model.infill(text, top_k=3, pieces=(1, 2), width=2, words=False)
    except TooLongError:
        reject()
    for each in infills:
        written = [fill.text for fill in each.fills]
        assert each.filled == first + written[0] + between + " " + written[1] + last
        assert [text[fill.start : fill.end] for fill in each.fills] == [model.mask_token] * 2


@pytest.mark.parametrize("family", FAMILIES)
def test_words_of_several_pieces_are_written_as_one(family):
    model = golden(family)
    for each in model.infill(f"the {model.mask_token} sat", pieces=3, width=3):
        (fill,) = each.fills
        assert len(fill.token_ids) == 3
        assert each.filled == f"the {fill.text} sat"
        assert " " not in fill.text


def test_results_of_different_numbers_of_pieces_are_compared_by_the_mean_or_the_sum(fill_mask):
    def mean(each):
        return each.log_prob / sum(len(fill.token_ids) for fill in each.fills)

    by_mean = fill_mask.infill("the [MASK] sat", pieces=(1, 3), top_k=20)
    by_sum = fill_mask.infill("the [MASK] sat", pieces=(1, 3), top_k=20, normalize=None)
    assert [*map(mean, by_mean)] == sorted(map(mean, by_mean), reverse=True)
    assert [each.log_prob for each in by_sum] == sorted((each.log_prob for each in by_sum), reverse=True)
    assert len({each.filled for each in by_mean}) == len(by_mean)


def test_refined_results_are_scored_from_left_to_right(fill_mask):
    for each in fill_mask.infill(TEXT, refine=3, order="independent", words=False):
        again = fill_mask.infill(TEXT, width=toys.VOCAB_SIZE, top_k=1000, words=False)
        known = {tuple(fill.token_ids for fill in other.fills): other.log_prob for other in again}
        tokens = tuple(fill.token_ids for fill in each.fills)
        assert tokens not in known or each.log_prob == pytest.approx(known[tokens], abs=1e-6)


def test_slots_instead_of_masks(fill_mask):
    text = "the {mask} sat on the mat"
    for each in fill_mask.infill(text, slots=[(22, 25)], top_k=3):
        assert each.filled == f"the {{mask}} sat on the {each.fills[0].text}"


def test_a_long_text_is_read_in_a_window(fill_mask):
    text = "the cat sat on the mat . " * 4 + "[MASK]"
    with pytest.raises(TooLongError):
        fill_mask.infill(text)
    assert fill_mask.infill(text, truncation="window", top_k=1)[0].filled.startswith(text[:-6])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "right"}, "order must be one of 'left', 'confident', 'independent', got 'right'"),
        ({"width": 0}, "width must be a whole number from 1 to 256, got 0"),
        ({"width": True}, "width must be a whole number"),
        ({"top_k": 0}, "top_k must be a whole number from 1 to 1000, got 0"),
        ({"pieces": 0}, "pieces must be a whole number from 1 to 16, or .*, got 0"),
        ({"pieces": (3, 1)}, r"or the least and the most as in \[1, 3\], got \(3, 1\)"),
        ({"pieces": (1, 2, 3)}, "pieces must be a whole number from 1 to 16, or the least and the most"),
        ({"pieces": "1-3"}, r"or the least and the most as in \[1, 3\], got '1-3'"),
        ({"pieces": (1, True)}, "pieces must be a whole number"),
        ({"refine": -1}, "refine must be a whole number from 0 to 100, got -1"),
        ({"words": 1}, "words must be True or False, got 1"),
        ({"normalize": "characters"}, "normalize must be 'pieces' or None, got 'characters'"),
        ({"truncation": "right"}, "truncation must be None or 'window'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_arguments_are_refused(native, options, message):
    with pytest.raises(InputError, match=message):
        native.infill("the [MASK]", **options)


def test_whole_numbers_of_numpy_are_taken(native):
    one, three = np.int64(1), np.int32(3)
    found = native.infill(TEXT, top_k=three, width=three, pieces=(one, three), refine=one)
    assert found == native.infill(TEXT, top_k=3, width=3, pieces=(1, 3), refine=1)


def test_a_width_without_effect_is_a_warning(native):
    expected = native.infill(TEXT, order="independent")
    with pytest.warns(UnusedWarning, match="width 3 has no effect with order 'independent'"):
        assert native.infill(TEXT, order="independent", width=3) == expected
    with pytest.warns(UnusedWarning, match="width 3 has no effect"):
        assert list(native.infill_many([TEXT], order="independent", width=3)) == [expected]


def test_too_many_combinations_are_refused(native):
    with pytest.raises(InputError, match=f"4 slots of 1 to 3 pieces have 81 combinations, at most {MOST_LAYOUTS}"):
        native.infill("[MASK] a [MASK] a [MASK] a [MASK]", pieces=(1, 3))


def test_a_text_without_a_mask_is_refused(native):
    with pytest.raises(NoMaskError):
        native.infill("the cat")


def test_results_as_json(fill_mask):
    found = fill_mask.infill(TEXT, top_k=2)
    document = json.loads(json.dumps(as_json(found)))
    assert [each["filled"] for each in document] == [each.filled for each in found]
    assert [*document[0]] == ["filled", "log_prob", "score", "fills"]
    assert [*document[0]["fills"][0]] == ["text", "start", "end", "log_prob", "token_ids"]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_log_prob_of_a_fill_from_the_left_is_that_of_rank(family):
    """Two verbs check each other, where rank tokenizes what infill wrote into the same pieces."""
    model = golden(family)
    text = f"the {model.mask_token} sat"
    compared = 0
    for each in model.infill(text, pieces=(1, 3), width=6, top_k=12, normalize=None):
        (fill,) = each.fills
        ((ranked,),) = model.rank(text, [fill.text])
        if ranked.token_ids == fill.token_ids:
            compared += 1
            assert ranked.log_prob == pytest.approx(fill.log_prob, abs=1e-5)
    assert compared
