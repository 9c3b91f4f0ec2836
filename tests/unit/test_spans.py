import itertools
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fillmask import FillMask
from fillmask.encoding import PLACEHOLDERS
from fillmask.spans import Span, trimmed, unify_masks, words_between_spaces
from fillmask.text_tokens import tokenize
from tests.support.toys import PROPERTY

GOLDEN = Path(__file__).parents[1] / "golden"
FAMILIES = sorted(path.parent.name for path in GOLDEN.glob("*/model"))
EMOJI = ["👍🏽", "👩\u200d👩\u200d👧"]
PIECES = [
    *PLACEHOLDERS,
    *EMOJI,
    " ",
    "  ",
    "\t",
    "\r\n",
    "the",
    "isn't",
    "日本",
    "é",
    "e\u0301",
    "ﬁ",
    "שלום",
    ".",
    "(",
    "İ",
]
CHARACTERS = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(CHARACTERS, max_size=3), max_size=12).map("".join)


@cache
def model(family):
    return FillMask(GOLDEN / family / "model", threads=1).model


def tokens(family, text):
    """Each token of a text as the vocabulary writes it, with its part of the text."""
    encoded = tokenize(model(family), text)
    names = map(model(family).tokenizer.tokenizer.id_to_token, encoded.ids.tolist())
    return [(name, text[start:end]) for name, (start, end) in zip(names, encoded.spans, strict=True)]


# Placeholders


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
    assert unified.origins == [Span(0, 1), Span(1, 2), Span(2, 8), Span(2, 8), Span(2, 8), Span(8, 9)]


def test_a_text_without_placeholders_needs_no_origins():
    assert unify_masks("a [MASK]", ["{mask}"], "[MASK]") == ("a [MASK]", None)


# Spans of three tokenizer families and a cased one


@PROPERTY
@given(st.sampled_from(FAMILIES), TEXTS)
@example("bytelevel", " \x85")
@example("unigram", "{mask}\u0301 ﬁ")
def test_spans_lie_in_the_text_in_order_and_without_white_space_around_them(family, text):
    spans = tokenize(model(family), text).spans
    for (start, end), (later, latest) in itertools.pairwise(spans):
        assert start <= later
        assert end <= latest
    for start, end in spans:
        assert 0 <= start <= end <= len(text)
        part = text[start:end]
        assert part == part.strip() or part.isspace()


@PROPERTY
@given(st.sampled_from(FAMILIES), st.lists(st.sampled_from(["the", "{mask}", "cat", "<mask>", "[MASK]"]), min_size=1))
def test_a_mask_is_where_it_stands_and_placeholders_are_text(family, words):
    text = "  ".join(words)
    mask = model(family).tokenizer.mask_token
    found = [part for name, part in tokens(family, text) if name == mask]
    assert found == [word for word in words if word == mask]
    covered = {index for start, end in tokenize(model(family), text).spans for index in range(start, end)}
    assert covered >= {index for index, character in enumerate(text) if not character.isspace()}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["The keys, {mask} isn't here.", "a  b\tc", "(3.14)"])
def test_the_parts_of_plain_text_are_all_of_it(family, text):
    encoded = tokenize(model(family), text)
    covered = {index for start, end in encoded.spans for index in range(start, end)}
    spaces = {index for index, character in enumerate(text) if character.isspace()}  # which byte-level BPE may keep
    assert covered - spaces == {*range(len(text))} - spaces


def test_spans_are_those_of_normalized_and_byte_level_tokens():
    assert tokens("wordpiece", "É isn't") == [("e", "É"), ("is", "is"), ("##n", "n"), ("'", "'"), ("t", "t")]
    assert [part for _, part in tokens("bytelevel", "日 is")] == ["日", "日", "日", "is"]
    assert [part for _, part in tokens("unigram", "ﬁ is")][-1] == "is"
    assert {part for _, part in tokens("unigram", "ﬁ")} == {"ﬁ"}


def test_a_combining_mark_that_the_tokenizer_drops_belongs_to_its_letter():
    assert tokens("wordpiece", "e\u0301 e") == [("e", "e\u0301"), ("e", "e")]


# Words


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
