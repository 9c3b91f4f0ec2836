"""The engine against transformers' FillMaskPipeline, live, on random checkpoints of each tokenizer family."""

from __future__ import annotations

import pytest

from tests.support.agreement import TOLERANCE, ask_engine, ask_reference, assert_agree, assert_same_answers
from tests.support.cases import MASK, TEXT, Call, calls, masked_sentences

transformers = pytest.importorskip("transformers")

CLASSES = tuple(calls("wordpiece"))


# docs/model-folders.md says why: the pipeline of 5 fails on an empty list, and it makes the tokenizer of XLM-R anew.
MADE_ANEW = ("unicode_cjk", "unicode_combining", "punctuation")


def differs_in_5(family, layout, corner):
    return corner == "empty_list" or ((family, layout) == ("unigram", "foreign") and corner in MADE_ANEW)


@pytest.mark.parametrize("corner", CLASSES)
def test_every_corner_case_is_answered_as_by_transformers(engine, reference, family, layout, corner):
    if transformers.__version__ >= "5" and differs_in_5(family, layout, corner):
        pytest.skip("transformers 5 answers otherwise")
    for call in calls(family)[corner]:
        assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_every_token_the_model_scores_is_scored_as_by_transformers(engine, reference):
    """Those included that decode to nothing: padding, which leaves ``sequence``, and rows that no token has."""
    call = Call(TEXT, {"top_k": reference.model.config.vocab_size})
    assert engine.vocab_size == reference.model.config.vocab_size
    assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_one_token_more_than_the_model_scores_is_refused(engine, reference):
    call = Call(TEXT, {"top_k": engine.vocab_size + 1})
    theirs = ask_reference(reference, call)
    assert theirs.error[0] == "TopKError"
    assert_agree(ask_engine(engine, call), theirs)


def test_a_negative_top_k_is_refused(engine, reference):
    call = Call(TEXT, {"top_k": -1})
    assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_a_text_that_is_none_is_a_value_error_for_both(engine, reference):
    with pytest.raises(ValueError, match="string"):
        engine([None])
    with pytest.raises(ValueError, match="`text`"):
        reference([None])


def test_truncation_before_the_only_mask_leaves_none(engine, reference):
    """The engine's message begins with transformers' words and goes on to say why."""
    call = Call("word " * 100 + "[MASK]", {"truncation": "right"})
    theirs, ours = ask_reference(reference, call), ask_engine(engine, call)
    assert ours.error[0] == theirs.error[0] == "NoMaskError"
    assert ours.error[1].startswith(theirs.error[1])


@pytest.mark.filterwarnings("ignore::fillmask.TruncationWarning")
def test_truncation_that_leaves_one_of_two_masks_answers_as_for_one(engine, reference):
    call = Call("The [MASK] is " + "word " * 100 + "[MASK]", {"truncation": "right"})
    assert_agree(ask_engine(engine, call), ask_reference(reference, call))


def test_a_text_of_exactly_the_longest_length_is_answered_and_one_token_more_is_refused(engine, reference):
    words = engine.max_length - 3
    fits = " the" * words + engine.mask_token
    assert len(reference.tokenizer(fits)["input_ids"]) == engine.max_length
    assert_same_answers(engine(fits), reference(fits))
    with pytest.raises(ValueError, match="takes at most 64"):
        engine(" the" + fits)


def test_three_hundred_masks_at_random_places_are_scored_as_by_transformers(engine, reference, family):
    texts = [text.replace(MASK, engine.mask_token) for text in masked_sentences(family, 300)]
    assert sum(text.count(engine.mask_token) for text in texts) >= 300
    ours = engine(texts, top_k=20, truncation="right")
    theirs = reference(texts, top_k=20, tokenizer_kwargs={"truncation": True})
    assert _largest_difference(ours, theirs) <= TOLERANCE
    assert_same_answers(ours, theirs)


def _largest_difference(ours, theirs):
    if isinstance(theirs, dict):
        return abs(ours["score"] - theirs["score"])
    return max(_largest_difference(our, their) for our, their in zip(ours, theirs, strict=True))
