import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fillmask import selection
from fillmask.selection import top_k
from fillmask.shortcuts.top_k import _by_blocks, _one_by_one, top_k_unsorted
from tests.support.toys import PROPERTY

BLOCK = 64
# Few different values, so that most draws hold ties.
TIED = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1.0, 2.5])
ANY = st.floats(width=32, allow_nan=False)


def stable(logits, k):
    """The plain step."""
    return (-logits).argsort(kind="stable")[:k]


def assert_as_the_plain_step(logits, k):
    before = logits.copy()
    for found in (top_k_unsorted(logits, k), _by_blocks(logits, k), _one_by_one(logits, min(k, 20))):
        if found is not None:  # _one_by_one needs k logits above -inf
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found, stable(before, found.size))
    assert top_k_unsorted(logits, k).size == _by_blocks(logits, k).size == k
    np.testing.assert_array_equal(logits, before)


@st.composite
def logits_and_k(draw, elements):
    logits = draw(arrays(np.float32, st.integers(BLOCK, 400), elements=elements, fill=elements))
    return logits, draw(st.integers(1, logits.size // BLOCK))


@PROPERTY
@given(logits_and_k(TIED) | logits_and_k(ANY))
def test_any_logits_and_ties_are_selected_as_a_stable_sort_selects_them(drawn):
    assert_as_the_plain_step(*drawn)


@pytest.mark.parametrize("size", [64, 65, 127, 128, 129, 1000, 30_522, 250_002])
def test_a_vocabulary_of_any_size_is_searched_whole(size):
    logits = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    for k in {1, min(5, size // BLOCK), size // BLOCK}:
        assert_as_the_plain_step(logits, k)


@pytest.mark.parametrize("k", [1, 5, 476])
def test_few_different_logits_in_a_large_vocabulary_come_by_id(k):
    logits = np.random.default_rng(0).integers(0, 3, 30_522).astype(np.float32)
    assert_as_the_plain_step(logits, k)


@pytest.mark.parametrize(("size", "k"), [(0, 0), (63, 1), (64, 0), (64, 2), (1000, 16), (1000, 1000), (128, 3)])
def test_blocks_do_not_apply_to_no_token_or_to_more_tokens_than_blocks(size, k):
    assert _by_blocks(np.zeros(size, dtype=np.float32), k) is None


def test_one_by_one_does_not_apply_to_forbidden_tokens():
    logits = np.float32([1, -np.inf, 2, -np.inf])
    assert _one_by_one(logits, 2).tolist() == [2, 0]
    assert _one_by_one(logits, 3) is None


def test_the_selection_is_the_same_without_it(monkeypatch):
    logits = np.random.default_rng(1).integers(0, 50, 1000).astype(np.float32)
    quick = [top_k(logits, k).tolist() for k in range(1001)]
    monkeypatch.setattr(selection, "top_k_unsorted", lambda *_: None)
    assert [top_k(logits, k).tolist() for k in range(1001)] == quick
