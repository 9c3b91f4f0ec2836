import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fillmask.errors import FillMaskError
from fillmask.scoring import softmax_at
from tests.support.toys import PROPERTY

FINITE = st.floats(-1e4, 1e4, width=32)
NO_NUMBERS = r"logits that are not numbers \(NaN or infinite\); try another variant"


def scores_at(logits, ids):
    """Scores from logits that are needed again: ``softmax_at`` overwrites its own."""
    return softmax_at(logits.copy(), np.asarray(ids, dtype=np.int64))


def every_score(logits):
    return scores_at(logits, np.arange(logits.size))


def reference(logits):
    """The same in float64."""
    wide = logits.astype(np.float64)
    exponentials = np.exp(wide - wide.max())
    return exponentials / exponentials.sum()


@st.composite
def finite_logits(draw):
    elements, fill = FINITE | st.just(-np.inf), st.just(np.float32(0))
    logits = draw(arrays(np.float32, st.integers(1, 150), elements=elements, fill=fill))
    logits[draw(st.integers(0, logits.size - 1))] = draw(FINITE)
    return logits


@PROPERTY
@given(finite_logits())
def test_scores_of_all_tokens_sum_to_one(logits):
    np.testing.assert_allclose(every_score(logits).sum(), 1, rtol=1e-5)


@PROPERTY
@given(finite_logits())
def test_scores_are_those_of_float64(logits):
    scores = every_score(logits)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, reference(logits), rtol=1e-5, atol=1e-37)


@PROPERTY
@given(finite_logits(), st.data())
def test_a_score_does_not_depend_on_which_other_ids_are_scored(logits, data):
    ids = data.draw(arrays(np.int64, st.integers(0, 8), elements=st.integers(0, logits.size - 1)))
    np.testing.assert_array_equal(scores_at(logits, ids), every_score(logits)[ids])


def test_a_hand_computed_softmax():
    np.testing.assert_allclose(scores_at(np.log(np.float32([1, 2, 5])), [2, 0]), [5 / 8, 1 / 8], rtol=1e-6)


@pytest.mark.parametrize("shift", [-3e38, -1e5, 1e5, 3e38])
def test_logits_far_from_zero_neither_overflow_nor_vanish(shift):
    assert scores_at(np.full(4, shift, dtype=np.float32), [0, 3]).tolist() == [0.25, 0.25]


def test_the_full_range_of_float32_in_one_row_gives_one_and_zero():
    highest = np.finfo(np.float32).max
    with np.errstate(over="ignore"):
        scores = scores_at(np.float32([highest, -highest, -np.inf]), [0, 1, 2])
    assert scores.tolist() == [1, 0, 0]


def test_no_ids_have_no_scores():
    nothing = scores_at(np.ones(5, dtype=np.float32), [])
    assert (nothing.shape, nothing.dtype) == ((0,), np.float32)


def test_the_scores_are_no_part_of_the_logits_that_they_were_made_in():
    logits = np.float32([0, 0, 0, 0])
    scores = softmax_at(logits, np.arange(4))
    logits[:] = np.nan
    assert scores.tolist() == [0.25] * 4


def test_the_masks_beside_it_are_left_as_they_were():
    logits = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    before = logits.copy()
    softmax_at(logits[1], np.arange(5))
    np.testing.assert_array_equal(logits[[0, 2]], before[[0, 2]])


def test_scores_worth_reading_keep_their_digits_over_a_quarter_of_a_million_tokens():
    for logits in np.random.default_rng(0).standard_normal((4, 250_002)).astype(np.float32) * 3:
        scores, exact = every_score(logits), reference(logits)
        np.testing.assert_allclose(scores[exact > 1e-6], exact[exact > 1e-6], rtol=2e-6)


# Logits that are no numbers


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("ids", [[], [3], [0, 1]], ids=str)
@pytest.mark.parametrize("place", [0, 1, 63, 64, 1000, 30_521])
def test_one_logit_that_is_no_number_is_refused_wherever_it_is_and_whichever_ids_are_scored(value, ids, place):
    logits = np.random.default_rng(0).standard_normal(30_522).astype(np.float32)
    logits[place] = value
    with pytest.raises(FillMaskError, match=NO_NUMBERS):
        scores_at(logits, ids)


@PROPERTY
@given(finite_logits(), st.sampled_from([np.nan, np.inf]), st.data())
def test_no_neighbours_hide_a_logit_that_is_no_number(logits, value, data):
    logits[data.draw(st.integers(0, logits.size - 1))] = value
    with pytest.raises(FillMaskError, match=NO_NUMBERS):
        every_score(logits)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_logits_of_which_none_is_a_number_are_refused(value, size):
    with pytest.raises(FillMaskError, match=NO_NUMBERS):
        every_score(np.full(size, value, dtype=np.float32))


@pytest.mark.parametrize("others", [[np.inf], [-np.inf], [np.inf, -np.inf, 0]])
def test_a_nan_among_infinities_is_refused(others):
    for logits in ([np.nan, *others], [*others, np.nan]):
        with pytest.raises(FillMaskError, match=NO_NUMBERS):
            every_score(np.float32(logits))


def test_a_forbidden_token_scores_zero():
    assert scores_at(np.float32([0, -np.inf, 0]), [1, 0]).tolist() == [0, 0.5]


def test_one_number_among_forbidden_tokens_is_certain():
    logits = np.full(100, -np.inf, dtype=np.float32)
    logits[42] = -7
    assert every_score(logits).tolist() == [float(token == 42) for token in range(100)]
