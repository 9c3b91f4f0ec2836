import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.encoding import Encoder, check_text
from fillmask.errors import ArtifactError, TextError
from tests.support import toys
from tests.support.toys import PROPERTY, write_foreign

CLS, SEP, MASK = 2, 3, 4


@pytest.fixture
def encoder(tokenizer):
    return Encoder(tokenizer)


def tokens(tokenizer, text):
    ids = Encoder(tokenizer).encode(text)
    return [tokenizer.tokenizer.id_to_token(token) for token in ids]


# A tokenizer that fails


def failing(folder, template="[CLS] $A [SEP]"):
    """A tokenizer without an unknown token: it fails on words that it does not have."""
    tokenizer = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "[MASK]": 2, "cat": 3}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    return open_tokenizer(open_artifact(write_foreign(folder / "model", tokenizer=tokenizer)))


def test_a_text_that_the_tokenizer_fails_on_is_refused_and_the_next_is_not(tmp_path):
    encoder = Encoder(failing(tmp_path))
    with pytest.raises(TextError, match=r"the tokenizer fails on the text: WordLevel error: Missing \[UNK\] token"):
        encoder.encode("dog [MASK]")
    assert encoder.encode("cat [MASK]").tolist() == [0, 3, 2, 1]


def test_a_tokenizer_that_drops_the_text_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"the tokenizer does not work, it reads \[MASK\] as the tokens \[0, 1\]"):
        Encoder(failing(tmp_path, template="[CLS] [SEP]"))


# Placeholders


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>", "{mask}"])
def test_every_name_of_the_mask_becomes_the_models_own(tokenizer, byte_level, mask):
    assert tokens(tokenizer, f"the {mask} sat") == ["[CLS]", "the", "[MASK]", "sat", "[SEP]"]
    assert tokens(byte_level, f"a {mask} cat") == ["<s>", "a", "<mask>", "Ġcat", "</s>"]


def test_a_text_may_mix_the_placeholders(byte_level):
    ids = Encoder(byte_level).encode("[MASK]{mask}[MASK]")
    assert ids.tolist().count(byte_level.mask_token_id) == 3


@pytest.mark.parametrize("text", ["{mask} of [MASK]", "[MASK] <mask>", "<mask>[MASK]{mask}"])
def test_in_a_text_with_the_models_own_mask_placeholders_are_text(tokenizer, text):
    ids = Encoder(tokenizer).encode(text)
    assert ids.tolist().count(MASK) == 1
    assert ids.tolist() == Encoder(tokenizer, placeholders=False).encode(text).tolist()


@pytest.mark.parametrize("mask", ["<mask>", "{mask}"])
def test_with_placeholders_switched_off_only_the_models_own_mask_counts(tokenizer, mask):
    ids = Encoder(tokenizer, placeholders=False).encode(f"[MASK] {mask}")
    assert ids.tolist().count(MASK) == 1
    assert ids.size > 4


def test_a_placeholder_that_is_a_token_of_the_model_stays_that_token(tmp_path):
    tokenizer = toys.word_piece()
    tokenizer.add_special_tokens([AddedToken("<mask>")])
    tokenizer = open_tokenizer(open_artifact(write_foreign(tmp_path / "model", tokenizer=tokenizer)))
    assert tokens(tokenizer, "<mask> {mask}") == ["[CLS]", "<mask>", "[MASK]", "[SEP]"]


@pytest.mark.parametrize("text", ["[mask]", "<MASK>", "{ mask }", "[ MASK ]", "MASK"])
def test_what_only_resembles_a_placeholder_is_text(encoder, text):
    ids = encoder.encode(text)
    assert MASK not in ids


# Texts


def test_a_text_without_words_is_the_special_tokens(encoder):
    ids = encoder.encode("")
    assert ids.tolist() == [CLS, SEP]
    assert ids.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a text must be a string, got NoneType"),
        (b"[MASK]", "a text must be a string, got bytes"),
        (["[MASK]"], "a text must be a string, got list"),
        ("ab\0c", r"the text holds NUL \(U\+0000\) at character 2; remove it"),
        ("ab\ud800", r"lone surrogate U\+D800 at character 2.*errors='replace'"),
        ("\udfff", r"lone surrogate U\+DFFF at character 0"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason_and_place(encoder, text, message):
    for check in (check_text, encoder.encode):
        with pytest.raises(TextError, match=message):
            check(text)


@pytest.mark.parametrize("text", ["", "\n\t", "é", "日本語", "🙂", "\U0010ffff", "\u200b\ufeff", "e\u0301", "\x01\x7f"])
def test_every_other_unicode_text_is_taken(encoder, text):
    check_text(text)
    ids = encoder.encode(text)
    assert (ids[0], ids[-1]) == (CLS, SEP)


@PROPERTY
@given(st.text(max_size=30))
def test_any_unicode_text_is_encoded_or_refused_with_an_input_error(tokenizer, text):
    try:
        ids = Encoder(tokenizer).encode(f"[MASK]{text}")
    except TextError:
        assert "\0" in text
    else:
        assert (ids[0], ids[1], ids[-1]) == (CLS, MASK, SEP)


@pytest.mark.parametrize("words", [0, 100, 5000])
def test_a_text_of_any_length_is_encoded_whole(encoder, words):
    assert encoder.encode("cat " * words).tolist() == [CLS, *[toys.VOCAB.index("cat")] * words, SEP]
