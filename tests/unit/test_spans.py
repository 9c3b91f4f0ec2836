"""Spans in the caller's own text: masks unified, words between spaces."""

import itertools
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillmask import FillMask
from fillmask.encoding import PLACEHOLDERS
from fillmask.spans import Span, trace, trimmed, unify_masks, words_between_spaces
from tests.support.toys import PROPERTY

GOLDEN = Path(__file__).parents[1] / "golden"
FAMILIES = sorted(path.parent.name for path in GOLDEN.glob("*/model"))
CHARACTERS = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")


@cache
def model(family):
    return FillMask(GOLDEN / family / "model", threads=1).model


@PROPERTY
@given(st.lists(st.sampled_from([*PLACEHOLDERS, "[", "{", "<", "mask", "a", " "]), max_size=10).map("".join))
def test_placeholders_become_the_mask_as_replace_makes_them(text):
    for mask in ("<mask>", "[MASK]", "<extra_mask_0>", "m"):
        replaced = text
        for placeholder in PLACEHOLDERS[1:]:
            replaced = replaced.replace(placeholder, mask)
        unified = unify_masks(text, PLACEHOLDERS[1:], mask)
        assert unified.text == replaced
        assert unified.origins is None or len(unified.origins) == len(replaced)


def test_characters_of_a_replaced_mask_come_from_the_whole_placeholder():
    unified = unify_masks("a {mask}!", ["{mask}"], "[M]")
    assert unified.text == "a [M]!"
    origins = [Span(0, 1), Span(1, 2), Span(2, 8), Span(2, 8), Span(2, 8), Span(8, 9)]
    assert unified.origins == origins
    assert trace("a {mask}!", unified, [(0, 1), (2, 5), (5, 6)]) == [(0, 1), (2, 8), (8, 9)]


def test_a_text_without_placeholders_needs_no_origins():
    assert unify_masks("a [MASK]", ["{mask}"], "[MASK]") == ("a [MASK]", None)


def test_words_stand_between_spaces_with_punctuation_at_their_ends_apart():
    text = "(Isn't it 3.14?)"
    numbers = words_between_spaces(text, [Span(index, index + 1) for index in range(len(text))])
    kept = [number for number, character in zip(numbers, text, strict=True) if not character.isspace()]
    groups = ["(", "Isn't", "it", "3.14", "?", ")"]
    assert kept == [number for number, group in enumerate(groups, start=1) for _ in group]


@pytest.mark.filterwarnings("ignore::fillmask.UnknownWarning")
def test_the_same_text_has_the_same_words_for_every_tokenizer():
    text = "It isn't well-known, is it?"
    for family in FAMILIES:
        score = FillMask(GOLDEN / family / "model", threads=1).score(text, words="spaces")
        found = [word.text for word in score.words]
        expected = ["It", "isn't", "well-known", ",", "is", "it", "?"]
        if family == "unigram":  # its pieces "n," and "t?" begin in the word
            assert "".join(found) == "".join(expected)
        else:
            assert found == expected


@PROPERTY
@given(st.text(CHARACTERS, max_size=30))
def test_words_are_numbered_from_left_to_right(text):
    numbers = words_between_spaces(text, [Span(index, index + 1) for index in range(len(text))])
    assert numbers == sorted(numbers)
    for before, after, characters in zip(numbers, numbers[1:], itertools.pairwise(text), strict=False):
        if before == after:
            assert not characters[1].isspace() or characters[0].isspace()
            assert not unicodedata.category(characters[0]).startswith("P") or not characters[1].isspace()


def test_what_has_no_characters_has_a_word_too():
    assert words_between_spaces("a ", [Span(0, 1), Span(2, 2)]) == [1, 2]
    assert trimmed("a ", Span(1, 2)) == (1, 2)
    assert trimmed(" a ", Span(0, 3)) == (1, 2)
    assert trimmed("a", Span(1, 1)) == (1, 1)
