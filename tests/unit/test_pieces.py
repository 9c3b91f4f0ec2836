"""Tokens as pieces of words, for three families of tokenizers and one without words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers

from fillmask.pieces import Boundary, Pieces, boundary_of, ends_in_word
from fillmask.text_tokens import tokenize
from tests.support.goldens import FAMILIES, golden

PARTS = [
    "the", "cat", "Dogs", "un", "3", "½", " ", "  ", "\r\n", "\u00a0", "(", "-", "'", ".", "e\u0301", "é", "👩‍👩‍👧",
    "❤️", "שלום", "مرحبا", "می\u200c", "我喜欢猫", "ひらがな", "カタカナ", "สวัสดี", "한국어",
]  # fmt: skip


def pieces_of(family):
    return golden(family).model.pieces


def id_of(family, name):
    token = golden(family).tokenizer.tokenizer.token_to_id(name)
    assert token is not None, name
    return token


def test_the_boundaries_of_the_families():
    assert pieces_of("wordpiece").boundary == Boundary("##", begins=False)
    assert pieces_of("bytelevel").boundary == Boundary("Ġ", begins=True)
    assert pieces_of("unigram").boundary == Boundary("▁", begins=True)


def test_a_vocabulary_of_letters_has_no_boundary():
    tokenizer = Tokenizer(models.WordLevel({"L": 0, "A": 1, "[X]": 2}, unk_token="[X]"))
    pieces = Pieces(tokenizer, 3)
    assert pieces.boundary is None
    assert pieces.written(0, "A") == "L"
    assert not pieces.wants_mark("A", 1)
    assert not pieces.continues_marked
    assert np.frombuffer(pieces.words(marked=True), np.int64).tolist() == [0, 1]


def test_a_decoder_that_replaces_the_mark_is_recognized():
    tokenizer = Tokenizer(models.BPE({"▁": 0, "a": 1, "▁a": 2}, [("▁", "a")]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    assert boundary_of(tokenizer) == Boundary("▁", begins=True)
    assert Pieces(tokenizer, 3).wants_mark("", -1)


@pytest.mark.parametrize(("family", "name"), [("wordpiece", "the"), ("bytelevel", "Ġthe"), ("unigram", "▁the")])
def test_a_space_is_added_where_a_word_would_be_glued_to_a_word(family, name):
    token, pieces = id_of(family, name), pieces_of(family)
    assert pieces.begins_word(token)
    assert pieces.text(token) == "the"
    for before in ("a red", "e\u0301", "한국어", "3"):
        assert pieces.written(token, before) == " the"
    for before in ("", "a red ", "a red\r\n", "(", "-", "我", "ひ", "สวัส", "❤️", "👩‍👩‍👧"):
        assert pieces.written(token, before) == "the"


@pytest.mark.parametrize(("family", "name"), [("wordpiece", "##e"), ("bytelevel", "e"), ("unigram", "e")])
def test_a_piece_that_continues_a_word_is_written_as_it_is(family, name):
    token, pieces = id_of(family, name), pieces_of(family)
    assert not pieces.begins_word(token)
    assert pieces.written(token, "th") == pieces.written(token, "th ") == "e"


def test_a_part_of_a_character_reads_as_the_replacement_character():
    assert pieces_of("bytelevel").text(id_of("bytelevel", "æ")) == "\ufffd"


@pytest.mark.parametrize("text", ["cat", "e\u0301", "3", "한국어", "שלום"])
def test_words_are_glued_to_letters_and_digits(text):
    assert ends_in_word(text)


@pytest.mark.parametrize("text", ["", " ", ".", "我", "々", "カタカナ", "ｶ", "ภาษา", "ລາວ", "👩", "می\u200c"])
def test_words_are_not_glued_to_other_characters(text):
    assert not ends_in_word(text)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=8))
def test_writing_a_tokens_own_place_again_gives_the_text(family, parts):
    """For every token whose text stands in the caller's text as it is, which normalization prevents for some."""
    model, text = golden(family).model, "".join(parts)
    tokens = tokenize(model, text)
    for token, (start, end) in zip(tokens.ids.tolist(), tokens.spans, strict=True):
        if model.pieces.text(token) == text[start:end]:
            assert text[:start] + model.pieces.written(token, text[:start]) + text[end:] == text


def test_most_tokens_of_a_text_are_written_as_they_stand():
    """So that the test above compares something."""
    for family in FAMILIES:
        model, text = golden(family).model, "the cat is on the dogs' 3 mats (again)\r\nun the"
        tokens = tokenize(model, text)
        texts = zip(tokens.ids.tolist(), tokens.spans, strict=True)
        assert sum(model.pieces.text(token) == text[start:end] for token, (start, end) in texts) > len(tokens.ids) / 2


def test_where_a_word_has_the_mark():
    word, byte, metaspace = pieces_of("wordpiece"), pieces_of("bytelevel"), pieces_of("unigram")
    assert [word.wants_mark(before, 9) for before in ("", "a ", "a", "(", "我")] == [False, False, True, False, False]
    assert [byte.wants_mark(before, 9) for before in ("", "a ", "a", "(", "我")] == [False, True, False, False, False]
    assert [metaspace.wants_mark(before, 9) for before in ("", "a ", "a", "(")] == [True, True, False, False]
    assert not byte.wants_mark("a ", id_of("bytelevel", "Ġ"))  # that token is the space already


@pytest.mark.parametrize("family", FAMILIES)
def test_words_are_tokens_of_letters_and_digits(family):
    pieces, tokenizer = pieces_of(family), golden(family).tokenizer.tokenizer
    special = {token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special}
    sets = [np.frombuffer(pieces.words(marked=marked), np.int64).tolist() for marked in (False, True)]
    expected = [[], []]
    for token in range(golden(family).vocab_size):
        name = tokenizer.id_to_token(token) or ""
        mark = pieces.boundary.mark
        bare = name.removeprefix(mark)
        if family == "bytelevel":
            bare = tokenizer.decode([token]).removeprefix(" ")
        letters = re.sub("[\u0300-\u036f\u0948]", "", bare)  # the vocabularies have no other marks
        if token not in special and letters.isalnum():
            expected[name.startswith(mark)].append(token)
    assert sets == expected
    assert all(len(each) > 9 for each in sets)


def test_unused_tokens_are_no_words():
    tokenizer = Tokenizer(models.WordLevel({"cat": 0, "madeupword0001": 1, "[unused3]": 2, "e\u0301": 3, "\u0301": 4}))
    assert np.frombuffer(Pieces(tokenizer, 5).words(marked=False), np.int64).tolist() == [0, 3]
