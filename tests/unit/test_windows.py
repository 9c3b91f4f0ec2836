import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillmask.encoding import Encoder
from fillmask.errors import InputError, NoMaskError, TooLongError, TruncationWarning
from fillmask.windows import Windows, check_truncation, window_starts
from tests.support import toys
from tests.support.toys import MAX_LENGTH, PROPERTY

CLS, SEP, MASK = 2, 3, 4
CONTENT = MAX_LENGTH - 2


@pytest.fixture
def cut(tokenizer):
    """Encode a text and cut it: its rows and notices."""
    encoder = Encoder(tokenizer)
    return lambda text, truncation: encoder.windows.cut(encoder.encode(text), truncation)


def test_windows_know_the_models_length_and_template(tokenizer, byte_level):
    assert Encoder(tokenizer).windows == Windows("[MASK]", MASK, MAX_LENGTH, 1, 1)
    assert Encoder(byte_level).windows == Windows("<mask>", byte_level.mask_token_id, byte_level.max_length, 1, 1)


def test_a_text_is_what_stands_between_the_special_tokens():
    for prefix, suffix in ((0, 0), (2, 1), (0, 1), (1, 0)):
        windows, ids = Windows("[MASK]", MASK, 8, prefix, suffix), np.arange(prefix + 5 + suffix)
        head, content, tail = windows.split(ids)
        assert (head.size, content.size, tail.size) == (prefix, 5, suffix)
        assert [*head, *content, *tail] == [*ids]
        assert windows.size == 8 - prefix - suffix


# Which truncation


@pytest.mark.parametrize("truncation", ["left", "", True, 0, ["right"], "RIGHT"])
def test_a_truncation_that_does_not_exist_is_named(cut, truncation):
    for check in (check_truncation, lambda truncation: cut("[MASK]" + " cat" * 50, truncation)):
        with pytest.raises(InputError, match="truncation must be None, 'right' or 'window', got") as raised:
            check(truncation)
        assert repr(truncation) in str(raised.value)


@pytest.mark.parametrize("truncation", [None, "right", "window"])
def test_every_other_truncation_is_taken(truncation):
    check_truncation(truncation)


def test_a_text_with_one_token_too_many_is_refused_with_tokens_and_limit(cut):
    with pytest.raises(TooLongError, match=r"has 17 tokens .* at most 16; .*truncation 'window'.*'right'"):
        cut("[MASK]" + " cat" * CONTENT, None)


# Its beginning


def test_right_truncation_keeps_the_beginning_and_the_special_tokens(cut):
    (ids,), notices = cut("the [MASK]" + " cat" * 50, "right")
    the, cat = toys.VOCAB.index("the"), toys.VOCAB.index("cat")
    assert ids.tolist() == [CLS, the, MASK, *[cat] * (CONTENT - 2), SEP]
    assert (ids.dtype, notices) == (np.int64, ())


def test_right_truncation_counts_the_masks_that_it_cuts_off(cut):
    (ids,), (notice,) = cut("[MASK]" + " cat" * 50 + " [MASK] [MASK]", "right")
    assert (ids == MASK).sum() == 1
    assert notice.category is TruncationWarning
    assert notice.message == "truncation 'right' cut off 2 of the text's 3 masks, behind 16 tokens"


def test_right_truncation_that_cuts_every_mask_off_is_an_error(cut):
    message = (
        r"No mask_token \(\[MASK\]\) found on the input: truncation 'right' cut it off behind 16 tokens; try 'window'"
    )
    with pytest.raises(NoMaskError, match=message):
        cut("cat " * 50 + "[MASK]", "right")


@pytest.mark.parametrize(("before", "kept"), [(CONTENT - 1, True), (CONTENT, False)])
def test_the_last_token_that_right_truncation_keeps_may_be_the_mask(cut, before, kept):
    (ids,), notices = cut("[MASK] " + "cat " * (before - 1) + "[MASK]" + " dog" * 50, "right")
    assert (ids[-2] == MASK) is np.bool_(kept)
    messages = [] if kept else ["truncation 'right' cut off 1 of the text's 2 masks, behind 16 tokens"]
    assert [notice.message for notice in notices] == messages


def test_a_text_without_a_mask_is_cut_without_a_notice(cut):
    (ids,), notices = cut("cat " * 50, "right")
    assert (ids.size, notices) == (MAX_LENGTH, ())


# Windows


def test_windows_of_a_text_of_5000_words_hold_every_mask_once(cut):
    words = ["cat"] * 5000
    for position in (0, 1, 13, 14, 2500, 2507, 4998, 4999):
        words[position] = "[MASK]"
    rows, notices = cut(" ".join(words), "window")
    assert all((row[0], row[-1], row.size) == (CLS, SEP, MAX_LENGTH) for row in rows)
    assert [int((row == MASK).sum()) for row in rows] == [3, 1, 2, 2]
    assert notices == ()


def test_a_window_shows_as_much_on_the_left_of_a_lone_mask_as_on_the_right(cut):
    (ids,), _ = cut("cat " * 2500 + "[MASK]" + " dog" * 2500, "window")
    assert ids.size == MAX_LENGTH
    assert ids.tolist().index(MASK) in (MAX_LENGTH // 2, MAX_LENGTH // 2 - 1)


def test_a_long_text_without_a_mask_has_no_windows(cut):
    assert cut("cat " * 50, "window") == ([], ())


def test_a_byte_level_text_is_cut_between_its_special_tokens(byte_level):
    encoder = Encoder(byte_level)
    (ids,), _ = encoder.windows.cut(encoder.encode(" cat" * 40 + " <mask>" + " dog" * 40), "window")
    assert [byte_level.tokenizer.id_to_token(token) for token in ids[[0, -1]]] == ["<s>", "</s>"]
    assert (ids == byte_level.mask_token_id).sum() == 1


@pytest.mark.parametrize(("prefix", "suffix"), [(0, 0), (2, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("truncation", ["right", "window"])
def test_a_template_of_any_size_stays_around_every_row(prefix, suffix, truncation):
    windows = Windows("[MASK]", MASK, 8, prefix, suffix)
    content = [MASK, *range(10, 40), MASK]
    ids = np.array([*[2] * prefix, *content, *[3] * suffix])
    rows, _ = windows.cut(ids, truncation)
    assert len(rows) == (1 if truncation == "right" else 2)
    for row in rows:
        assert row.size == 8
        assert row[:prefix].tolist() == [2] * prefix
        assert row[8 - suffix :].tolist() == [3] * suffix
        assert not {2, 3} & set(row[prefix : 8 - suffix].tolist())


# Where windows start


@st.composite
def masks_in_long_texts(draw):
    size = draw(st.integers(1, 40))
    length = draw(st.integers(size + 1, 300))
    masks = draw(st.sets(st.integers(0, length - 1), max_size=30) | st.sets(st.integers(0, size * 2), max_size=30))
    return sorted(mask for mask in masks if mask < length), size, length


@PROPERTY
@given(masks_in_long_texts())
def test_every_mask_is_in_exactly_one_window_and_in_order(drawn):
    masks, size, length = drawn
    seen = [mask for start in window_starts(masks, size, length) for mask in masks if start <= mask < start + size]
    assert seen == masks


@PROPERTY
@given(masks_in_long_texts())
def test_every_window_begins_inside_the_text_and_holds_a_mask(drawn):
    masks, size, length = drawn
    for start in window_starts(masks, size, length):
        assert 0 <= start < length
        assert any(start <= mask < start + size for mask in masks)


@PROPERTY
@given(masks_in_long_texts())
def test_no_more_windows_are_made_than_greedy_grouping_needs(drawn):
    masks, size, length = drawn
    left, needed = list(masks), 0
    while left:
        needed += 1
        left = [mask for mask in left if mask >= left[0] + size]
    assert len(window_starts(masks, size, length)) == needed


def test_the_example_in_the_docstring_holds():
    assert window_starts([100, 800], 10, 1000) == [95, 795]
