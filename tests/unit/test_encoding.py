import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from fillmask.artifact.folder import open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.encoding import Encoder, check_text, check_truncation, pad, windows
from fillmask.errors import ArtifactError, InputError, NoMaskError, TextError, TooLongError, TruncationWarning
from tests.support import toys
from tests.support.toys import MAX_LENGTH, PROPERTY, write_foreign

CLS, SEP, MASK = 2, 3, 4
ROOM = MAX_LENGTH - 2


@pytest.fixture
def encoder(tokenizer):
    return Encoder(tokenizer)


def tokens(tokenizer, text):
    (ids,) = Encoder(tokenizer).encode(text)
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
    assert encoder.encode("cat [MASK]")[0].tolist() == [0, 3, 2, 1]


def test_a_tokenizer_that_drops_the_text_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"the tokenizer does not work, it reads \[MASK\] as the tokens \[0, 1\]"):
        Encoder(failing(tmp_path, template="[CLS] [SEP]"))


# Placeholders


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>", "{mask}"])
def test_whatever_a_mask_is_called_it_becomes_the_models_own(tokenizer, byte_level, mask):
    assert tokens(tokenizer, f"the {mask} sat") == ["[CLS]", "the", "[MASK]", "sat", "[SEP]"]
    assert tokens(byte_level, f"a {mask} cat") == ["<s>", "a", "<mask>", "Ġcat", "</s>"]


def test_a_text_may_mix_the_names_of_the_mask(encoder):
    (ids,) = encoder.encode("[MASK] <mask> {mask}")
    assert ids.tolist() == [CLS, MASK, MASK, MASK, SEP]


@pytest.mark.parametrize("mask", ["<mask>", "{mask}"])
def test_with_placeholders_switched_off_only_the_models_own_mask_counts(tokenizer, mask):
    (ids,) = Encoder(tokenizer, placeholders=False).encode(f"[MASK] {mask}")
    assert ids.tolist().count(MASK) == 1
    assert ids.size > 4


def test_a_placeholder_that_is_a_token_of_the_model_stays_that_token(tmp_path):
    tokenizer = toys.word_piece()
    tokenizer.add_special_tokens([AddedToken("<mask>")])
    tokenizer = open_tokenizer(open_artifact(write_foreign(tmp_path / "model", tokenizer=tokenizer)))
    assert tokens(tokenizer, "<mask> {mask}") == ["[CLS]", "<mask>", "[MASK]", "[SEP]"]


@pytest.mark.parametrize("text", ["[mask]", "<MASK>", "{ mask }", "[ MASK ]", "MASK"])
def test_what_only_resembles_a_placeholder_is_text(encoder, text):
    (ids,) = encoder.encode(text)
    assert MASK not in ids


# Texts


def test_a_text_without_words_is_the_special_tokens(encoder):
    (ids,) = encoder.encode("")
    assert ids.tolist() == [CLS, SEP]
    assert ids.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "a text must be a string, got NoneType"),
        (b"[MASK]", "a text must be a string, got bytes"),
        (["[MASK]"], "a text must be a string, got list"),
        ("ab\0c", r"the text holds NUL \(U\+0000\) at character 2; remove it"),
        ("ab\ud800", r"lone surrogate U\+D800 at character 2.*errors='replace'"),
        ("\udfff", r"lone surrogate U\+DFFF at character 0"),
    ],
)
def test_what_is_no_text_is_refused_with_its_reason_and_place(encoder, text, said):
    for check in (check_text, encoder.encode):
        with pytest.raises(TextError, match=said):
            check(text)


@pytest.mark.parametrize("text", ["", "\n\t", "é", "日本語", "🙂", "\U0010ffff", "\u200b\ufeff", "e\u0301", "\x01\x7f"])
def test_every_other_unicode_text_is_taken(encoder, text):
    check_text(text)
    (ids,) = encoder.encode(text)
    assert (ids[0], ids[-1]) == (CLS, SEP)


@PROPERTY
@given(st.text(max_size=30))
def test_any_unicode_text_is_encoded_or_refused_with_an_input_error(tokenizer, text):
    try:
        rows = Encoder(tokenizer).encode(f"[MASK]{text}", "window")
    except TextError:
        assert "\0" in text
    else:
        assert all(row.size <= MAX_LENGTH for row in rows)


@pytest.mark.parametrize("truncation", ["left", "", True, 0, ["right"], "RIGHT"])
def test_a_truncation_that_does_not_exist_is_named(encoder, truncation):
    for check in (check_truncation, lambda truncation: encoder.encode("[MASK]", truncation)):
        with pytest.raises(InputError, match="truncation must be None, 'right' or 'window', got") as raised:
            check(truncation)
        assert repr(truncation) in str(raised.value)


# Long texts


@pytest.mark.parametrize("truncation", [None, "right", "window"])
def test_a_text_that_just_fits_is_left_whole(encoder, truncation):
    (ids,) = encoder.encode("[MASK]" + " cat" * (ROOM - 1), truncation)
    assert ids.size == MAX_LENGTH


def test_a_text_with_one_token_too_many_is_refused_with_tokens_and_limit(encoder):
    with pytest.raises(TooLongError, match=r"has 17 tokens .* at most 16; .*truncation='window'.*truncation='right'"):
        encoder.encode("[MASK]" + " cat" * ROOM)


def test_right_truncation_keeps_the_beginning_and_the_special_tokens(encoder, tokenizer):
    (ids,) = encoder.encode("the [MASK]" + " cat" * 50, "right")
    cat = tokenizer.tokenizer.token_to_id("cat")
    the = tokenizer.tokenizer.token_to_id("the")
    assert ids.tolist() == [CLS, the, MASK, *[cat] * (ROOM - 2), SEP]


def test_right_truncation_says_how_many_masks_it_cut_off(encoder):
    text = "[MASK]" + " cat" * 50 + " [MASK] [MASK]"
    with pytest.warns(TruncationWarning, match="cut off 2 of the text's 3 masks, behind 16 tokens"):
        (ids,) = encoder.encode(text, "right")
    assert (ids == MASK).sum() == 1


def test_right_truncation_that_cuts_every_mask_off_is_an_error(encoder):
    said = (
        r"No mask_token \(\[MASK\]\) found on the input: truncation='right' cut it off behind 16 tokens; try 'window'"
    )
    with pytest.raises(NoMaskError, match=said):
        encoder.encode("cat " * 50 + "[MASK]", "right")


@pytest.mark.parametrize(("before", "kept"), [(ROOM - 1, True), (ROOM, False)])
def test_the_last_token_that_right_truncation_keeps_may_be_the_mask(encoder, before, kept):
    text = "[MASK] " + "cat " * (before - 1) + "[MASK]" + " dog" * 50
    if kept:
        (ids,) = encoder.encode(text, "right")
        assert ids[-2] == MASK
    else:
        with pytest.warns(TruncationWarning, match="cut off 1 of the text's 2 masks"):
            encoder.encode(text, "right")


def test_windows_of_a_text_of_5000_words_hold_every_mask_once(encoder):
    words = ["cat"] * 5000
    for position in (0, 1, 13, 14, 2500, 2507, 4998, 4999):
        words[position] = "[MASK]"
    rows = encoder.encode(" ".join(words), "window")
    assert all((row[0], row[-1], row.size <= MAX_LENGTH) == (CLS, SEP, True) for row in rows)
    assert [int((row == MASK).sum()) for row in rows] == [3, 1, 2, 2]


def test_a_window_shows_as_much_on_the_left_of_a_lone_mask_as_on_the_right(encoder, tokenizer):
    (ids,) = encoder.encode("cat " * 2500 + "[MASK]" + " dog" * 2500, "window")
    assert ids.size == MAX_LENGTH
    assert ids.tolist().index(MASK) in (MAX_LENGTH // 2, MAX_LENGTH // 2 - 1)


def test_a_long_text_without_a_mask_has_no_windows(encoder):
    assert encoder.encode("cat " * 50, "window") == []


def test_a_byte_level_text_is_cut_between_its_special_tokens(byte_level):
    (ids,) = Encoder(byte_level).encode(" cat" * 40 + " <mask>" + " dog" * 40, "window")
    assert [byte_level.tokenizer.id_to_token(token) for token in ids[[0, -1]]] == ["<s>", "</s>"]
    assert (ids == byte_level.mask_token_id).sum() == 1


@st.composite
def masks_in_long_texts(draw):
    room = draw(st.integers(1, 40))
    length = draw(st.integers(room + 1, 300))
    masks = draw(st.sets(st.integers(0, length - 1), max_size=30) | st.sets(st.integers(0, room * 2), max_size=30))
    return sorted(mask for mask in masks if mask < length), room, length


@PROPERTY
@given(masks_in_long_texts())
def test_every_mask_is_in_exactly_one_window_and_in_order(drawn):
    masks, room, length = drawn
    seen = [mask for start in windows(masks, room, length) for mask in masks if start <= mask < start + room]
    assert seen == masks


@PROPERTY
@given(masks_in_long_texts())
def test_every_window_begins_inside_the_text_and_holds_a_mask(drawn):
    masks, room, length = drawn
    for start in windows(masks, room, length):
        assert 0 <= start < length
        assert any(start <= mask < start + room for mask in masks)


@PROPERTY
@given(masks_in_long_texts())
def test_no_more_windows_are_made_than_greedy_grouping_needs(drawn):
    masks, room, length = drawn
    left, needed = list(masks), 0
    while left:
        needed += 1
        left = [mask for mask in left if mask >= left[0] + room]
    assert len(windows(masks, room, length)) == needed


def test_the_example_in_the_docstring_of_windows_holds():
    assert windows([100, 800], 10, 1000) == [95, 795]


# Padding


@PROPERTY
@given(st.lists(arrays(np.int64, st.integers(0, 12), elements=st.integers(0, 9)), min_size=1, max_size=5))
def test_padding_keeps_every_row_and_attends_to_nothing_else(rows):
    encoded = pad(rows, 7)
    assert encoded.input_ids.dtype == encoded.attention_mask.dtype == np.int64
    assert encoded.input_ids.shape == (len(rows), max(row.size for row in rows))
    for row, ids, attended in zip(rows, encoded.input_ids, encoded.attention_mask, strict=True):
        assert ids.tolist() == row.tolist() + [7] * (ids.size - row.size)
        assert attended.tolist() == [1] * row.size + [0] * (ids.size - row.size)


@pytest.mark.parametrize("size", [1, 512, 513])
def test_a_text_alone_is_all_attended_to_and_shares_no_memory_that_can_change(size):
    row = np.arange(size, dtype=np.int64)
    encoded = pad([row], 0)
    assert encoded.attention_mask.dtype == np.int64
    assert encoded.attention_mask.tolist() == [[1] * size]
    assert size > 512 or not encoded.attention_mask.flags.writeable
