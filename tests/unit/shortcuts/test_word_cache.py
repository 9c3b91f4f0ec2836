import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, normalizers, pre_tokenizers

from fillmask.artifact.folder import EMBEDDED, open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.encoding import Encoder
from fillmask.shortcuts.word_cache import WordCache, reads_words
from tests.support import toys
from tests.support.toys import PROPERTY

MASK = "[MASK]"
PIECES = st.sampled_from(
    [
        "[MASK]",
        "[SEP]",
        "[MAS",
        "K]",
        "[",
        "the",
        "The",
        "CAT",
        "cat's",
        "x" * 120,
        "don't",
        "a_b",
        "3.14",
        "  ",
        "é",
        "中",
        "\t",
        "",
    ]
)


@pytest.fixture(scope="module")
def tokenizer():
    return open_tokenizer(open_artifact(EMBEDDED)).tokenizer


@pytest.fixture(scope="module")
def words(tokenizer):
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    return WordCache(tokenizer, MASK, ([cls], [sep]))


def assert_as_the_tokenizer(words, tokenizer, text):
    for _ in range(2):  # a word that is new, and one that is remembered
        assert words.ids(text) in (None, tokenizer.encode(text).ids)


@PROPERTY
@given(text=st.text(st.sampled_from(string.printable), max_size=60))
def test_any_ascii_is_read_as_the_tokenizer_reads_it(words, tokenizer, text):
    assert_as_the_tokenizer(words, tokenizer, text)


@PROPERTY
@given(parts=st.lists(PIECES, max_size=12), space=st.sampled_from(["", " "]))
def test_masks_other_tokens_and_other_scripts_are_read_as_the_tokenizer_reads_them(words, tokenizer, parts, space):
    assert_as_the_tokenizer(words, tokenizer, space.join(parts))


@pytest.mark.parametrize("character", [*string.ascii_letters, *string.digits, *string.punctuation, " "])
def test_every_printable_character_is_read_word_by_word(words, tokenizer, character):
    for text in (character, f"ab{character}cd {MASK}", f"{character}{character} x"):
        assert words.ids(text) == tokenizer.encode(text).ids


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "café", "a [SEP] b", "a\x7fb"])
def test_other_text_is_left_to_the_tokenizer(words, text):
    assert words.ids(text) is None


def test_what_is_remembered_has_an_end(tokenizer, monkeypatch):
    monkeypatch.setattr("fillmask.shortcuts.word_cache._MAX_ENTRIES", 3)
    words = WordCache(tokenizer, MASK, ([], []))
    for text in ("one two three four five", "x" * 65, "a.b.c.d.e"):
        assert words.ids(text) == tokenizer.encode(text, add_special_tokens=False).ids
        assert 0 < len(words._cached) <= 3
    assert not {"x" * 65, "a.b.c.d.e"} & words._cached.keys()  # long, or of nine tokens


def test_what_is_forgotten_is_learned_again(tokenizer, monkeypatch):
    monkeypatch.setattr("fillmask.shortcuts.word_cache._MAX_ENTRIES", 3)
    words = WordCache(tokenizer, MASK, ([], []))
    for text in ("one two", "three four", "one two"):
        words.ids(text)
    assert {"one", "two"} <= words._cached.keys()


def with_token(**flags):
    tokenizer = toys.word_piece()
    tokenizer.add_special_tokens([AddedToken("<x>", **flags)])
    return tokenizer


def without(part):
    tokenizer = toys.word_piece()
    setattr(tokenizer, part, None)
    return tokenizer


def test_a_tokenizer_like_berts_is_read_word_by_word():
    assert reads_words(toys.word_piece(), MASK)
    assert reads_words(with_token(normalized=False), MASK)


@pytest.mark.parametrize(
    "tokenizer",
    [
        toys.byte_level(),
        without("normalizer"),
        without("pre_tokenizer"),
        *(
            with_token(**{"normalized": False, flag: True})
            for flag in ("lstrip", "rstrip", "single_word", "normalized")
        ),
    ],
)
def test_other_tokenizers_are_not(tokenizer):
    assert not reads_words(tokenizer, MASK)


def test_a_tokenizer_with_other_parts_is_not():
    tokenizer = toys.word_piece()
    tokenizer.normalizer = normalizers.Sequence([normalizers.BertNormalizer(), normalizers.Replace("a", "b")])
    assert not reads_words(tokenizer, MASK)
    tokenizer = toys.word_piece()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert not reads_words(tokenizer, MASK)


@pytest.mark.parametrize("content", ["a[MASK]", "[MASK]a", "a[", "][M", "a b", " "])
def test_a_tokenizer_with_a_token_that_cutting_would_tear_is_not(content):
    tokenizer = toys.word_piece()
    tokenizer.add_special_tokens([AddedToken(content, normalized=False)])
    assert not reads_words(tokenizer, MASK)


@pytest.mark.parametrize("content", ["a", "[M", "]", "MASK", "<x>", "."])
def test_tokens_that_no_cut_can_tear_are_read_as_the_tokenizer_reads_them(content):
    tokenizer = toys.word_piece()
    tokenizer.add_special_tokens([AddedToken(content, normalized=False)])
    assert reads_words(tokenizer, MASK)
    words = WordCache(tokenizer, MASK, ([], []))
    for text in (f"the {content} {MASK}", f"{content}{MASK}{content}", f"the{content}the", "cat [MASK]", "[MAS K]"):
        expected = tokenizer.encode(text, add_special_tokens=False).ids
        assert words.ids(text) == (None if content in text.replace(MASK, "") else expected)


# Equal to the plain step


@PROPERTY
@given(parts=st.lists(PIECES | st.sampled_from(string.printable), max_size=40))
def test_an_encoder_gives_the_same_without_it(with_and_without, parts):
    text = "".join(parts)
    encoder, plain = with_and_without
    for _ in range(2):
        assert encoder.encode(text).tolist() == plain.encode(text).tolist()


@pytest.fixture(scope="module")
def with_and_without():
    """The embedded model's encoder, and one that hands every text to its tokenizer."""
    opened = open_tokenizer(open_artifact(EMBEDDED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WordCache, "for_tokenizer", lambda *_: None)
        plain = Encoder(opened)
    encoder = Encoder(opened)
    assert (encoder._word_cache is None, plain._word_cache is None) == (False, True)
    return encoder, plain


def test_only_a_tokenizer_that_reads_words_has_a_cache():
    assert isinstance(WordCache.for_tokenizer(toys.word_piece(), MASK, ([], [])), WordCache)
    assert WordCache.for_tokenizer(toys.byte_level(), "<mask>", ([], [])) is None
