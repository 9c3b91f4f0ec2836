"""Tokens and their places in texts of three tokenizer families."""

import itertools
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fillmask import FillMask
from fillmask.encoding import PLACEHOLDERS
from fillmask.text_tokens import read_tokens
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
    encoded = read_tokens(model(family), text)
    names = map(model(family).tokenizer.tokenizer.id_to_token, encoded.ids.tolist())
    return [(name, text[start:end]) for name, (start, end) in zip(names, encoded.spans, strict=True)]


@PROPERTY
@given(st.sampled_from(FAMILIES), TEXTS)
@example("bytelevel", " \x85")
@example("unigram", "{mask}\u0301 ﬁ")
def test_spans_lie_in_the_text_in_order_and_without_white_space_around_them(family, text):
    spans = read_tokens(model(family), text).spans
    for (start, end), (later, latest) in itertools.pairwise(spans):
        assert start <= later
        assert end <= latest
    for start, end in spans:
        assert 0 <= start <= end <= len(text)
        part = text[start:end]
        assert part == part.strip() or part.isspace()


@PROPERTY
@given(st.sampled_from(FAMILIES), TEXTS)
def test_the_ids_are_those_of_encode(family, text):
    encoded = read_tokens(model(family), text)
    ids = [*encoded.head.tolist(), *encoded.ids.tolist(), *encoded.tail.tolist()]
    assert ids == model(family).encoder.encode(text).tolist()
    assert len(encoded.spans) == len(encoded.word_ids) == encoded.ids.size


@PROPERTY
@given(st.sampled_from(FAMILIES), st.lists(st.sampled_from(["the", "{mask}", "cat", "<mask>", "[MASK]"]), min_size=1))
def test_a_mask_is_where_its_placeholder_stands_and_shifts_nothing(family, words):
    text = "  ".join(words)
    mask = model(family).tokenizer.mask_token
    found = [part for name, part in tokens(family, text) if name == mask]
    assert found == [word for word in words if word not in ("the", "cat")]
    assert "".join(part.strip() for name, part in tokens(family, text)) == "".join(words)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", ["The keys, {mask} isn't here.", "a  b\tc", "(3.14)"])
def test_the_parts_of_plain_text_are_all_of_it(family, text):
    encoded = read_tokens(model(family), text)
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


def test_a_special_token_inside_the_text_is_one_of_its_tokens():
    assert ("[SEP]", "[SEP]") in tokens("wordpiece", "the [SEP] the")
    assert read_tokens(model("wordpiece"), "[SEP]").ids.size == 1


def test_the_template_is_recognized_by_position():
    encoded = read_tokens(model("wordpiece"), "")
    assert (encoded.ids.size, encoded.head.size, encoded.tail.size) == (0, 1, 1)
