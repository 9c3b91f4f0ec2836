import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from toys import PROPERTY

from fillmask.locating import locate

SHAPES = st.tuples(st.integers(0, 4), st.integers(0, 20))


@PROPERTY
@given(arrays(np.int64, SHAPES, elements=st.integers(0, 3)), st.integers(0, 4))
def test_every_mask_is_found_once_and_in_order(input_ids, mask):
    positions, counts = locate(input_ids, mask)
    expected = [[column for column, token in enumerate(row) if token == mask] for row in input_ids.tolist()]
    assert [row[:count].tolist() for row, count in zip(positions, counts, strict=True)] == expected


@PROPERTY
@given(arrays(np.int64, SHAPES, elements=st.integers(0, 3)), st.integers(0, 4))
def test_what_is_left_of_a_row_is_zero_and_no_row_is_wider_than_needed(input_ids, mask):
    positions, counts = locate(input_ids, mask)
    assert positions.shape == (len(input_ids), max(counts.tolist(), default=0))
    assert positions.dtype == np.int64
    assert all(not row[count:].any() for row, count in zip(positions, counts, strict=True))


def test_a_batch_with_different_counts():
    positions, counts = locate(np.array([[4, 1, 4], [1, 1, 1], [1, 4, 1]]), 4)
    assert positions.tolist() == [[0, 2], [0, 0], [1, 0]]
    assert counts.tolist() == [2, 0, 1]
