"""A Split into parts of known sizes becomes slices, through which the rows at the masks move up."""

import numpy as np
import pytest

from fillmask_export.passes.gather_at_masks import gather_at_masks
from fillmask_export.passes.splits import slice_splits
from fillmask_export.shapes import find_shapes
from tests.support.graphs import PLAIN, SIZES, operators, parse, places, rows_at, run, texts, weights

GATED = "embedded = Gather(table, input_ids)\n{split}\nactive = Sigmoid(gate)\nlogits = Mul(active, up)"


def gated(split, width=8):
    used = {"sizes": np.array([4, 4]), "unequal": np.array([4, 2, 4])}
    body = GATED.format(split=split)
    constants = {name: array for name, array in used.items() if name in body}
    return parse(PLAIN + "{" + body + "}", table=weights(20, width), **constants)


@pytest.mark.parametrize(
    ("split", "width"),
    [
        ("gate, up = Split<axis=-1, num_outputs=2>(embedded)", 8),
        ("gate, up = Split<axis=2>(embedded, sizes)", 8),
        ("gate, unused, up = Split<axis=-1>(embedded, unequal)", 10),
    ],
)
def test_the_parts_are_slices_and_computed_at_the_masks_only(split, width):
    before, model = gated(split, width), gated(split, width)
    shapes = find_shapes(model)
    assert slice_splits(model, shapes) == "1 of 1"
    assert operators(model)["Slice"] == 2
    assert not operators(model)["Split"]
    assert gather_at_masks(model, shapes).startswith("4 nodes at the masks only")
    for size in SIZES:
        feeds = texts(*size, 20)
        positions = places(feeds, 3)
        rows = run(model, feeds | {"mask_positions": positions})
        np.testing.assert_array_equal(rows, rows_at(run(before, feeds), positions))


def test_parts_of_sizes_that_are_not_known_stay():
    split = "length = Shape<start=1, end=2>(input_ids)\nboth = Concat<axis=0>(length, length)\n"
    split += "twice = Concat<axis=1>(embedded, embedded)\ngate, up = Split<axis=1>(twice, both)"
    model = gated(split)
    assert slice_splits(model, find_shapes(model)) == "0 of 1"
    assert operators(model)["Split"] == 1
