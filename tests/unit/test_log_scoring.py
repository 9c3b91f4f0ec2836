import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fillmask.errors import FillMaskError
from fillmask.log_scoring import log_softmax_at
from fillmask.scoring import softmax_at
from tests.support.toys import PROPERTY

FINITE = st.floats(-1e4, 1e4, width=32)
NO_NUMBERS = r"logits that are not numbers \(NaN or infinite\); try another variant"


def scores_at(logits, ids):
    """Scores from logits that are needed again: ``softmax_at`` overwrites its own."""
    return softmax_at(logits.copy(), np.asarray(ids, dtype=np.int64))


def every_score(logits):
    return scores_at(logits, np.arange(logits.size))


@st.composite
def finite_logits(draw):
    elements, fill = FINITE | st.just(-np.inf), st.just(np.float32(0))
    logits = draw(arrays(np.float32, st.integers(1, 150), elements=elements, fill=fill))
    logits[draw(st.integers(0, logits.size - 1))] = draw(FINITE)
    return logits


def log_scores_at(logits, ids):
    return log_softmax_at(logits.copy(), np.asarray(ids, dtype=np.int64))


@PROPERTY
@given(finite_logits())
def test_logarithms_are_those_of_float64(logits):
    wide = logits.astype(np.float64) - np.float64(logits.max())
    expected = wide - np.log(np.exp(wide).sum())
    got = log_scores_at(logits, np.arange(logits.size))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=2e-6)


@PROPERTY
@given(finite_logits())
def test_logarithms_are_those_of_the_scores_where_these_have_digits(logits):
    scores = every_score(logits)
    kept = scores > 1e-30
    got = log_scores_at(logits, np.arange(logits.size))
    np.testing.assert_allclose(got[kept], np.log(scores[kept].astype(np.float64)), rtol=1e-5, atol=1e-5)


def test_a_probability_below_what_float32_holds_has_its_logarithm():
    logits = np.float32([0, -500, -np.inf])
    assert every_score(logits).tolist() == [1, 0, 0]
    assert log_scores_at(logits, [0, 1, 2]).tolist() == [0, -500, -np.inf]


def test_a_uniform_distribution_has_the_logarithm_of_its_size():
    np.testing.assert_allclose(log_scores_at(np.zeros(1000, np.float32), [0, 999]), -np.log(1000), rtol=1e-12)


def test_logarithms_of_no_tokens_are_none():
    assert log_scores_at(np.float32([1, 2]), []).shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logarithms_of_logits_that_are_not_numbers_are_refused(value):
    with pytest.raises(FillMaskError, match=NO_NUMBERS):
        log_scores_at(np.float32([0, value]), [0])
