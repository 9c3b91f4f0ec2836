"""Rows padded to one array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fillmask.padding import pad
from tests.support.toys import PROPERTY


@PROPERTY
@given(st.lists(arrays(np.int64, st.integers(0, 12), elements=st.integers(0, 9)), min_size=1, max_size=5))
def test_padding_keeps_every_row_and_attends_to_nothing_else(rows):
    input_ids, attention_mask = pad(rows, 7)
    assert input_ids.dtype == attention_mask.dtype == np.int64
    assert input_ids.shape == attention_mask.shape == (len(rows), max(row.size for row in rows))
    for row, ids, attended in zip(rows, input_ids, attention_mask, strict=True):
        assert ids.tolist() == row.tolist() + [7] * (ids.size - row.size)
        assert attended.tolist() == [1] * row.size + [0] * (ids.size - row.size)


@pytest.mark.parametrize("size", [1, 512, 513])
def test_a_row_alone_is_all_attended_to_and_shares_no_memory_that_can_change(size):
    row = np.arange(size, dtype=np.int64)
    input_ids, attention_mask = pad([row], 0)
    assert input_ids.tolist() == [row.tolist()]
    assert attention_mask.dtype == np.int64
    assert attention_mask.tolist() == [[1] * size]
    assert size > 512 or not attention_mask.flags.writeable
