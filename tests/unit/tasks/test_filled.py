"""``predict`` with ``filled``, ``words``, ``slots`` and targets for each mask, beside ``predict`` without them."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fillmask import (
    FilledPrediction,
    InputError,
    NoMaskError,
    Results,
    TargetsError,
    TargetWarning,
    TooLongError,
    TopKError,
)
from fillmask.errors import TruncationWarning
from tests.support import toys
from tests.support.goldens import FAMILIES, golden

PARTS = ["the", "un", " ", "  ", "\r\n", "(", ")", "e\u0301", "👩‍👩‍👧", "שלום", "مرحبا", "我喜欢猫", "สวัสดี", "[MA"]
LONG = "the cat sat on the mat . " * 4


def plain(predictions):
    return [[(each.score, each.token, each.token_str, each.sequence) for each in mask] for mask in predictions]


# filled


def test_a_filled_prediction_has_its_place_in_the_callers_text(fill_mask):
    text = "The  RED {mask} sat."
    ((prediction,),) = fill_mask.predict(text, top_k=1, targets=["cat"], filled=True)
    assert isinstance(prediction, FilledPrediction)
    assert (prediction.start, prediction.end, prediction.text) == (9, 15, "cat")
    assert prediction.filled == "The  RED cat sat."


def test_each_mask_is_filled_by_itself(fill_mask):
    first, second = fill_mask.predict("[MASK][MASK]", targets=["cat", "##s"], filled=True)
    assert {each.filled for each in first} == {"cat[MASK]", "s[MASK]"}
    assert {each.filled for each in second} == {"[MASK]cat", "[MASK]s"}


def test_a_word_glued_to_a_word_gets_a_space(fill_mask):
    ((cat, *_),) = fill_mask.predict("the[MASK]", targets=["cat"], filled=True)
    assert cat.filled == "the cat"
    ((end, *_),) = fill_mask.predict("the[MASK]", targets=["##s"], filled=True)
    assert end.filled == "thes"


@pytest.mark.parametrize("options", [{}, {"truncation": "window"}, {"targets": ["cat", "dog"]}, {"top_k": 0}])
def test_the_predictions_are_those_without_the_option(fill_mask, options):
    for text in ("the [MASK] sat on the [MASK].", "[MASK]"):
        filled = fill_mask.predict(text, filled=True, **options)
        assert plain(filled) == plain(fill_mask.predict(text, **options))


def test_the_masks_of_windows_keep_their_places(fill_mask):
    text = "[MASK] " + LONG + "[MASK]"
    with pytest.raises(TooLongError):
        fill_mask.predict(text, filled=True)
    predictions = fill_mask.predict(text, filled=True, truncation="window", top_k=1)
    assert [mask[0].start for mask in predictions] == [0, text.rindex("[MASK]")]
    assert plain(predictions) == plain(fill_mask.predict(text, truncation="window", top_k=1))
    with pytest.warns(TruncationWarning):
        (mask,) = fill_mask.predict(text, filled=True, truncation="right", top_k=1)
    assert mask[0].filled.endswith("[MASK]")


def test_many_texts(fill_mask):
    results = list(fill_mask.predict_many(["a [MASK]", "none", "[MASK] {mask}"], filled=True, top_k=1, batch_size=2))
    assert [type(each) for each in results] == [Results, NoMaskError, Results]
    assert results[0] == fill_mask.predict("a [MASK]", filled=True, top_k=1)
    assert results[0][0][0].filled == f"a {results[0][0][0].text}"


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=12, deadline=None)
@given(before=st.lists(st.sampled_from(PARTS), max_size=4), after=st.lists(st.sampled_from(PARTS), max_size=4))
def test_nothing_else_of_a_text_changes(family, before, after):
    model = golden(family)
    left, right = "".join(before), "".join(after)
    text = left + model.mask_token + right
    for prediction in model.predict(text, filled=True, top_k=9, truncation="window")[0]:  # of bytes they may be many
        assert (prediction.start, prediction.end) == (len(left), len(left) + len(model.mask_token))
        assert prediction.filled[: prediction.start] == left
        assert prediction.filled[prediction.start :] == prediction.text + right


# words


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["{}", "the {}", "the cat ({}) sat", "un{}", "我{}"])
def test_words_are_the_best_of_the_vocabulary_that_are_words_there(family, text):
    model = golden(family)
    text = text.format(model.mask_token)
    pieces, tokenizer = model.model.pieces, model.tokenizer.tokenizer
    marked = {
        "wordpiece": text.startswith("un"),
        "bytelevel": text.startswith("the ["[:4]) and "(" not in text,
        "unigram": "(" not in text and not text.startswith(("un", "我")),
    }[family.removesuffix("_cased")]
    special = {token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special}

    def is_word(token):
        letters = [each for each in pieces.text(token) if unicodedata.category(each)[0] != "M"]
        return token not in special and bool(letters) and all(map(str.isalnum, letters))

    ((every,),) = [model.predict(text, top_k=model.vocab_size)]
    expected = [each for each in every if is_word(each.token) and pieces.is_marked(each.token) == marked][:7]
    assert model.predict(text, words=True, top_k=7) == [expected]


def test_a_later_mask_of_a_slot_continues_the_word(fill_mask):
    first, second = fill_mask.predict("the [MASK][MASK]", words=True, top_k=toys.VOCAB_SIZE)
    assert not any(each.token_str.startswith("##") for each in first)
    assert all(each.token_str.startswith("##") for each in second)
    assert len(first) + len(second) == sum(token.removeprefix("##").isalnum() for token in toys.VOCAB)


def test_words_and_targets_exclude_each_other(native):
    with pytest.raises(InputError, match="words=True and targets exclude each other"):
        native.predict("a [MASK]", words=True, targets=["cat"])


# slots


def test_slots_are_filled_and_placeholders_are_not_read(fill_mask):
    text = "the cat {mask} sat"
    ((best, *_),) = fill_mask.predict(text, slots=[(4, 7)], filled=True)
    assert best.filled == f"the {best.text} {{mask}} sat"
    ((same, *_),) = fill_mask.predict("the [MASK] {mask} sat")
    assert (same.token, same.score) == (best.token, best.score)


def test_a_mask_in_the_text_is_context(fill_mask):
    (only,) = fill_mask.predict("the [MASK] cat", slots=[(11, 14)])
    _, second = fill_mask.predict("the [MASK] [MASK]")
    assert only == second
    text = "[MASK] " + LONG + "cat"
    (only,) = fill_mask.predict(text, slots=[(len(text) - 3, len(text))], truncation="window", filled=True)
    assert only[0].start == len(text) - 3


def test_wrong_slots_are_refused(native):
    with pytest.raises(InputError, match=r"slots\[0\] is \(3, 99\)"):
        native.predict("the cat", slots=[(3, 99)])


# targets


def test_each_mask_may_have_its_own_targets(fill_mask):
    text = "the [MASK] sat on the [MASK]."
    first, second = fill_mask.predict(text, targets=[["cat", "dog"], ["mat"]])
    assert first == fill_mask.predict(text, targets=["cat", "dog"])[0]
    assert second == fill_mask.predict(text, targets="mat")[1]
    assert [len(mask) for mask in fill_mask.predict(text, targets=[["cat", "dog"], ["mat"]], top_k=1)] == [1, 1]


def test_as_many_lists_as_masks(native):
    with pytest.raises(TargetsError, match="targets has 2 lists, the text has 1 masks"):
        native.predict("a [MASK]", targets=[["cat"], ["dog"]])
    with pytest.raises(TargetsError, match=r"targets\[1\] must be a list"):
        native.predict("a [MASK] [MASK]", targets=[["cat"], "dog"])
    with pytest.raises(TargetsError, match="At least one target"):
        native.predict("a [MASK] [MASK]", targets=[["cat"], []])


def test_a_target_that_is_no_token_is_an_error_where_that_is_wanted(fill_mask):
    for targets in (["cats"], "cats", [["cats"]]):
        with pytest.raises(TargetsError, match="'cats' is not a token of the model"):
            fill_mask.predict("a [MASK]", targets=targets, strict_targets=True)
        with pytest.warns(TargetWarning, match="Replacing with `cat`"):
            assert fill_mask.predict("a [MASK]", targets=targets)[0][0].token_str == "cat"
    assert fill_mask.predict("a [MASK]", targets=["cat"], strict_targets=True)[0][0].token_str == "cat"


@pytest.mark.parametrize("name", ["words", "filled"])
def test_options_are_true_or_false(native, name):
    with pytest.raises(InputError, match=f"{name} must be True or False"):
        native.predict("a [MASK]", **{name: "yes"})


def test_top_k_is_checked(native):
    with pytest.raises(TopKError):
        native.predict("a [MASK]", filled=True, top_k=-1)
    with pytest.raises(TopKError):
        native.predict("a [MASK]", filled=True, top_k=10**6)


def test_results_are_plain_records(native):
    ((prediction,),) = native.predict("a [MASK]", filled=True, top_k=1)
    assert [*asdict(prediction)] == ["score", "token", "token_str", "sequence", "start", "end", "text", "filled"]


def test_slots_that_are_cut_off_are_counted_without_the_masks_beside_them(fill_mask):
    text = "[MASK] " + LONG + "cat"
    behind = (len(text) - 3, len(text))
    with pytest.raises(NoMaskError, match="cut off 1 of the text's 1 slots, behind 16 tokens; try 'window'"):
        fill_mask.predict(text, slots=[behind], truncation="right")
    with pytest.warns(TruncationWarning, match="cut off 1 of the text's 2 slots"):
        (only,) = fill_mask.predict(text, slots=[(0, 6), behind], truncation="right", filled=True)
    assert only[0].start == 0


def test_a_strict_target_that_no_tokenizer_takes_is_refused(native):
    with pytest.raises(TargetsError, match=r"targets\[0\]: the text holds the lone surrogate"):
        native.predict("the [MASK]", targets=["\ud800"], strict_targets=True)
