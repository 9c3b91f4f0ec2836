import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fillmask.selection import top_k
from tests.support.toys import PROPERTY

# Few different values, so that most draws hold ties.
TIED = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1.0, 2.5])
ANY = st.floats(width=32, allow_nan=False)


def brute_force(logits, k):
    return sorted(range(len(logits)), key=lambda token: (-logits[token], token))[:k]


def assert_as_by_brute_force(logits, k):
    before = logits.copy()
    assert top_k(logits, k).tolist() == brute_force(before.tolist(), k)
    np.testing.assert_array_equal(logits, before)


@st.composite
def logits_and_k(draw, elements):
    logits = draw(arrays(np.float32, st.integers(1, 200), elements=elements, fill=elements))
    return logits, draw(st.integers(0, logits.size))


@PROPERTY
@given(logits_and_k(TIED) | logits_and_k(ANY))
def test_any_logits_and_ties_are_selected_as_a_stable_sort_selects_them(drawn):
    assert_as_by_brute_force(*drawn)


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 127, 128, 129, 1000, 30522])
def test_a_vocabulary_of_any_size_relative_to_a_block_is_searched_whole(size):
    for logits in np.random.default_rng(size).standard_normal((2, size)).astype(np.float32):
        blocks = size // 64  # up to so many tokens are found by the maxima of blocks
        for k in {0, 1, min(5, size), blocks, min(blocks + 1, size), size // 2, size - 1, size}:
            assert_as_by_brute_force(logits, k)


@pytest.mark.parametrize("position", [0, 63, 64, 127, 128, 129])
def test_the_best_token_is_found_in_every_block_and_behind_the_last(position):
    logits = np.zeros(130, dtype=np.float32)
    logits[position] = 1
    assert top_k(logits, 1).tolist() == [position]


@pytest.mark.parametrize("value", [0.0, -np.inf, np.inf, 7.5])
def test_equal_logits_come_by_id(value):
    logits = np.full(150, value, dtype=np.float32)
    for k in (0, 1, 5, 149, 150):
        assert top_k(logits, k).tolist() == list(range(k))


@pytest.mark.parametrize("logits", [[1, 0.5, -np.inf], [1, -np.inf, -np.inf], [-np.inf, 1, -np.inf, 2, -np.inf]])
def test_tokens_beside_forbidden_ones_keep_their_order_and_their_logits(logits):
    for k in range(len(logits) + 1):
        assert_as_by_brute_force(np.float32(logits), k)


@pytest.mark.parametrize("k", [0, 1, 5, 200])
def test_k_ids_are_selected_even_where_k_is_zero(k):
    selected = top_k(np.ones(200, dtype=np.float32), k)
    assert selected.shape == (k,)
    assert selected.dtype == np.int64


def test_the_example_in_the_docstring_holds():
    assert top_k(np.float32([1, 3, 3, 2]), 3).tolist() == [1, 2, 3]
