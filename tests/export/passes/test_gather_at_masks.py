"""gather_at_masks on the graphs of checkpoints; hand-made graphs are in test_masks_by_hand.py."""

import re

import numpy as np
import pytest

from fillmask_export.passes.constant_shapes import make_shapes_constant
from fillmask_export.passes.gather_at_masks import gather_at_masks
from fillmask_export.passes.reshapes import fix_reshapes
from fillmask_export.passes.weights import transpose_weights
from fillmask_export.shapes import find_shapes
from tests.support.graphs import SIZES, input_names, operators, places, rows_at, run, run_all, texts
from tests.support.rounding import SCORES, assert_rounded_alike, graph_bound

LAYERS, HEADS, HIDDEN, INNER = 2, 4, 32, 64
# All different, so that a shape tells what it is of.
BATCH, LENGTH, MASKS = 2, 11, 3


@pytest.fixture
def sunk(plain):
    """The graph with its choice of rows moved up, and what the pass says."""
    transpose_weights(plain)
    shapes = find_shapes(plain)
    fix_reshapes(plain, shapes)
    make_shapes_constant(plain, shapes)
    return plain, gather_at_masks(plain, shapes)


@pytest.fixture
def tensors(sunk):
    """Shapes of all that the nodes of the graph give, at sizes that cannot be confused."""
    feeds = texts(BATCH, LENGTH, 560)
    found = run_all(sunk[0], feeds | {"mask_positions": places(feeds, MASKS)})
    return [array.shape for array in found.values()]


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_rows_are_those_of_the_full_logits(sunk, untouched, batch, length):
    feeds = texts(batch, length, 560)
    whole, bound = run(untouched, feeds), graph_bound(untouched, feeds)
    for masks in (1, 2, 7):
        positions = places(feeds, masks, seed=masks)
        rows = run(sunk[0], feeds | {"mask_positions": positions})
        assert_rounded_alike(rows, rows_at(whole, positions), bound)
        np.testing.assert_allclose(_softmax(rows), _softmax(rows_at(whole, positions)), rtol=0, atol=SCORES)


def test_a_lean_graph_takes_positions_and_gives_rows(sunk):
    model, _ = sunk
    assert input_names(model)[-1] == "mask_positions"
    (logits,) = model.graph.outputs
    assert (logits.name, [str(dim) for dim in logits.shape][:2]) == ("logits", ["b", "m"])


def test_no_logits_of_whole_texts_are_left(tensors, untouched):
    vocabulary = run(untouched, texts(1, 1, 560)).shape[-1]
    assert (BATCH, MASKS, vocabulary) in tensors
    assert not [shape for shape in tensors if vocabulary in shape[1:] and LENGTH in shape]


def test_the_last_feed_forward_layer_runs_at_the_masks_only(tensors):
    whole, at_masks = ((BATCH, length, INNER) for length in (LENGTH, MASKS))
    assert tensors.count(whole) == tensors.count(at_masks) * (LAYERS - 1) > 0


def test_the_last_attention_runs_at_the_masks_only(sunk, untouched, family):
    feeds = texts(BATCH, LENGTH, 560)
    found = run_all(sunk[0], feeds | {"mask_positions": places(feeds, MASKS)})
    softmaxes = [found[node.outputs[0].name].shape for node in sunk[0].graph if node.op_type == "Softmax"]
    assert sorted(softmaxes) == [(BATCH, HEADS, MASKS, LENGTH), (BATCH, HEADS, LENGTH, LENGTH)]


def test_the_pass_says_how_far_it_came(sunk, family):
    model, description = sunk
    moved, attentions = map(
        int, re.fullmatch(r"(\d+) nodes at the masks only, (\d+) of them of attention", description).groups()
    )
    assert moved == sum(node.outputs[0].name.endswith(("/at_masks", "logits")) for node in model.graph)
    assert moved >= 25
    assert attentions == 2


def test_rows_are_chosen_a_few_times_only(sunk, untouched):
    chosen = operators(sunk[0])["GatherND"] - operators(untouched)["GatherND"]
    assert 1 <= chosen <= 4


def test_a_texts_rows_do_not_depend_on_its_neighbours_or_on_padding(sunk):
    feeds = texts(3, 24, 560)
    positions = places(feeds, 2)
    together = run(sunk[0], feeds | {"mask_positions": positions})
    for row, length in enumerate(feeds["attention_mask"].sum(axis=1)):
        alone = {name: array[row : row + 1, :length] for name, array in feeds.items()}
        rows = run(sunk[0], alone | {"mask_positions": positions[row : row + 1]})
        np.testing.assert_allclose(_softmax(rows), _softmax(together[row : row + 1]), rtol=0, atol=SCORES)


def _softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
