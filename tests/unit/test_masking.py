import numpy as np
import pytest

from fillmask.errors import InputError, TooLongError
from fillmask.masking import (
    check_length,
    check_masking_truncation,
    masked_read,
    most_positions,
    neighbors,
)
from fillmask.text_tokens import tokenize
from tests.support import toys

CLS, SEP, MASK = 2, 3, 4
CAT = toys.VOCAB.index("cat")


@pytest.fixture
def model(native):
    return native.model


def row(model, length, masked, positions, **arguments):
    """The ids of a row and what is read of it, for a text of the tokens 100, 101, …."""
    tokens = tokenize(model, "cat " * length)
    tokens.ids[:] = np.arange(100, 100 + length)
    read = masked_read(model, tokens, masked, positions, len, **arguments)
    return read.input_ids.tolist(), read.positions.tolist()


def test_a_text_that_fits_is_one_row_with_its_masks(model):
    assert row(model, 4, [1, 3], [3]) == ([CLS, 100, MASK, 102, MASK, SEP], [4])
    assert row(model, 2, [], [0, 1]) == ([CLS, 100, 101, SEP], [1, 2])


def test_a_window_is_centered_on_the_masked_tokens_and_has_the_special_tokens(model):
    ids, positions = row(model, 50, [25], [25])
    assert (ids[0], ids[-1], len(ids)) == (CLS, SEP, 16)
    assert ids[1:-1] == [*range(118, 125), MASK, *range(126, 132)]
    assert [ids[position] for position in positions] == [MASK]


@pytest.mark.parametrize(("masked", "first"), [(0, 100), (3, 100), (49, 136), (46, 136)])
def test_a_window_stays_in_the_text(model, masked, first):
    ids, (position,) = row(model, 50, [masked], [masked])
    assert ids[position] == MASK
    assert [token - index for index, token in enumerate(ids[1:-1]) if token != MASK] == [first] * 13


def test_masked_tokens_that_do_not_fit_are_masked_as_far_as_the_window_around_what_is_read_goes(model):
    ids, positions = row(model, 50, range(5, 40), [20])
    assert ids == [CLS, *[MASK] * 14, SEP]
    assert len(positions) == 1
    ids, positions = row(model, 50, range(20, 50), [20])
    assert ids == [CLS, *range(113, 120), *[MASK] * 7, SEP]
    assert positions == [8]


def test_a_window_may_begin_where_the_caller_says(model):
    ids, positions = row(model, 50, [], [12, 13], start=10)
    assert ids == [CLS, *range(110, 124), SEP]
    assert [ids[position] for position in positions] == [112, 113]


def test_the_text_itself_keeps_its_tokens(model):
    tokens = tokenize(model, "cat cat")
    masked_read(model, tokens, [0], [0], len)
    assert tokens.ids.tolist() == [CAT, CAT]


def test_lengths_are_checked_unless_there_are_windows(model):
    check_length(model, tokenize(model, "cat " * 14), None)
    check_length(model, tokenize(model, "cat " * 15), "window")
    with pytest.raises(TooLongError, match="the text has 17 tokens and the model takes at most 16; shorten"):
        check_length(model, tokenize(model, "cat " * 15), None)


@pytest.mark.parametrize("truncation", ["right", "left", 3])
def test_only_windows_leave_no_token_unread(truncation):
    check_masking_truncation(None)
    check_masking_truncation("window")
    with pytest.raises(InputError, match="truncation must be None or 'window', got"):
        check_masking_truncation(truncation)


def test_the_logits_of_a_row_are_bounded(model):
    assert most_positions(model) * model.vocab_size <= 1 << 24


def test_neighbors_fit_into_a_window():
    assert list(neighbors([0, 1, 2, 3, 4, 9, 10, 30], 3)) == [[0, 1, 2], [3, 4], [9, 10], [30]]
    assert list(neighbors([], 3)) == []
