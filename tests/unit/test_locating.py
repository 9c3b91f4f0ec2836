import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fillmask.locating import locate
from tests.support.toys import PROPERTY


@PROPERTY
@given(arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 3)), st.integers(0, 4))
def test_every_mask_is_found_once_and_in_order(input_ids, mask):
    positions = locate(input_ids, mask)
    assert positions.dtype == np.int64
    assert positions.tolist() == [index for index, token in enumerate(input_ids.tolist()) if token == mask]


def test_several_masks_come_from_left_to_right():
    assert locate(np.array([4, 1, 4, 2]), 4).tolist() == [0, 2]
