"""Batches have few shapes, whatever the lengths of the sequences."""

import pytest

from fillmask_export.training.shapes import Shapes, head_rows


@pytest.mark.parametrize(("longest", "most"), [(64, 8), (128, 12), (512, 20), (500, 20), (1024, 24), (8192, 36)])
def test_the_shapes_are_few(longest, most):
    assert len(Shapes(4096, longest).all()) <= most


@pytest.mark.parametrize(("limit", "longest"), [(4096, 512), (4096, 500), (512, 126), (100, 128)])
def test_a_shape_holds_its_sequence_within_the_limits_and_with_little_padding(limit, longest):
    shapes = Shapes(limit, longest)
    for length in range(1, longest + 1):
        rows, columns = shapes.of(length)
        assert length <= columns <= longest
        assert columns < length + max(8, length / 4)
        assert rows >= 1
        assert rows * columns <= max(limit, columns)
        assert (rows + 1) * columns > limit, "no row is left out"


def test_the_rows_of_the_head_are_few_and_hold_the_selected_tokens():
    found = [head_rows(selected, 819.2) for selected in range(1, 4097)]
    assert all(selected <= rows < selected + 112 for selected, rows in enumerate(found, 1))
    assert len(set(found)) <= 43
    assert {rows % 16 for rows in found} == {0}
    assert head_rows(0, 819.2) == 0
