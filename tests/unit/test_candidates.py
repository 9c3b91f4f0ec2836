"""Candidates as tokens, for each kind of slot and three families of tokenizers."""

import pytest
from tokenizers import normalizers, pre_tokenizers

from fillmask import candidates as candidates_module
from fillmask.candidates import Candidates, check_candidates
from fillmask.errors import CandidatesError
from tests.support.goldens import FAMILIES, golden


def read(family, texts, *, marked):
    model = golden(family).model
    name = model.tokenizer.tokenizer.id_to_token
    return [[name(token) for token in each.ids] for each in Candidates(model, texts).of(marked=marked)]


def test_word_piece_reads_a_candidate_in_one_way():
    assert read("wordpiece", ["the"], marked=False) == read("wordpiece", ["the"], marked=True) == [["the"]]


@pytest.mark.parametrize(("family", "mark"), [("bytelevel", "Ġ"), ("unigram", "▁")])
def test_the_first_word_has_the_mark_where_the_slot_wants_it(family, mark):
    marked, bare = (read(family, ["the", "the the"], marked=each) for each in (True, False))
    assert marked == [[f"{mark}the"], [f"{mark}the", f"{mark}the"]]
    assert "".join(bare[0]) == "the"
    assert "".join(bare[1]) == f"the{mark}the"


def test_scripts_and_emoji_are_bytes_of_a_byte_level_vocabulary():
    texts = ["日本", "שלום", "😀", "e\u0301"]
    for marked in (True, False):
        candidates = Candidates(golden("bytelevel").model, texts).of(marked=marked)
        decode = golden("bytelevel").tokenizer.tokenizer.decode
        assert [decode(list(each.ids)) for each in candidates] == [" " * marked + text for text in texts]


@pytest.mark.parametrize("add", [True, False])
def test_a_prefix_space_of_the_tokenizer_changes_nothing(add, monkeypatch):
    model = golden("bytelevel").model
    expected = [Candidates(model, ["the", "a cat"]).of(marked=marked) for marked in (True, False)]
    tokenizer = model.tokenizer.tokenizer
    before = tokenizer.pre_tokenizer
    try:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=add)])
        assert [Candidates(model, ["the", "a cat"]).of(marked=marked) for marked in (True, False)] == expected
    finally:
        tokenizer.pre_tokenizer = before


def test_a_normalizer_that_adds_the_mark_changes_nothing():
    model = golden("unigram").model
    expected = [Candidates(model, ["the", "the cat"]).of(marked=marked) for marked in (True, False)]
    tokenizer = model.tokenizer.tokenizer
    splitter, normalizer = tokenizer.pre_tokenizer, tokenizer.normalizer
    try:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁")])
        assert [Candidates(model, ["the", "the cat"]).of(marked=marked) for marked in (True, False)] == expected
    finally:
        tokenizer.pre_tokenizer, tokenizer.normalizer = splitter, normalizer


def test_candidates_that_read_alike_are_one_under_the_first_text():
    uncased, cased = golden("wordpiece").model, golden("wordpiece_cased").model
    assert [each.text for each in Candidates(uncased, ["The", "at", "the"]).of(marked=True)] == ["The", "at"]
    assert [each.text for each in Candidates(cased, ["The", "at", "the"]).of(marked=True)] == ["The", "at", "the"]


def test_candidates_are_read_once_for_each_kind_of_slot():
    candidates = Candidates(golden("bytelevel").model, ["the", "the"])
    assert candidates.texts == ["the"]
    assert candidates.of(marked=True) is candidates.of(marked=True)
    assert candidates.of(marked=False) is not candidates.of(marked=True)
    assert candidates.kinds == (True, False)
    alike = Candidates(golden("wordpiece").model, ["the"])
    assert alike.of(marked=False) is alike.of(marked=True)
    assert alike.kinds == (True,)


def test_candidates_that_cannot_be_read_without_the_mark_have_no_such_slots(monkeypatch):
    read = candidates_module._token_ids
    monkeypatch.setattr(
        candidates_module, "_token_ids", lambda *args, marked: read(*args, marked=marked) if marked else [[]]
    )
    candidates = Candidates(golden("bytelevel").model, ["the"])
    assert candidates.kinds == (True,)
    with pytest.raises(CandidatesError, match="a candidate has no token"):
        candidates.of(marked=False)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ("the", "candidates must be a list of strings, got str"),
        (None, "candidates must be a list of strings, got NoneType"),
        ({"the"}, "candidates must be a list of strings, got set"),
        ([], "candidates must have at least one string, got none"),
        (["the", 3], r"candidates\[1\]: a text must be a string, got int"),
        (["a\0"], r"candidates\[0\]: the text holds NUL"),
        ([""], r"candidates\[0\] is ''; a candidate has characters, and no white space at its ends"),
        ([" the"], r"candidates\[0\] is ' the'; a candidate has characters, and no white space at its ends"),
    ],
)
def test_what_is_no_list_of_candidates_is_refused(candidates, message):
    with pytest.raises(CandidatesError, match=message):
        check_candidates(candidates)


def test_candidates_that_the_vocabulary_lacks_are_refused_and_named():
    with pytest.raises(CandidatesError, match="is not in the vocabulary: '☃', '☂', '☁' and 1 more; leave it out"):
        Candidates(golden("wordpiece").model, ["the", "☃", "☂", "☁", "★"])


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_are_refused(family):
    with pytest.raises(CandidatesError, match="a candidate has a special token"):
        Candidates(golden(family).model, ["the", golden(family).mask_token])


def test_a_candidate_of_characters_that_the_tokenizer_drops_is_refused():
    with pytest.raises(CandidatesError, match="a candidate has no token"):
        Candidates(golden("wordpiece").model, ["\u200b"])
