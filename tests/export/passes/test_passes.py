"""All passes, one after the other: what the engine gets to run."""

import onnx_ir as ir
import pytest

from fillmask.runtime.session import Session
from fillmask_export.passes import make_lean
from fillmask_export.tracing import find_tracer
from tests.support.graphs import SIZES, input_names, places, rows_at, run, stored_bytes, texts
from tests.support.rounding import assert_rounded_alike, graph_bound

DESCRIBED = {"token_types", "dropped_casts", "fixed_reshapes", "fixed_sizes", "fused_attention", "rows_at_masks"}
DESCRIBED |= {
    "mask_lookups",
    "ordered_gelus",
    "sliced_splits",
    "squeezed_axes",
    "tied_table",
    "transposed_weights",
    "unsqueezes",
}


@pytest.fixture
def lean(plain):
    """The graph of each family after every pass, and their descriptions."""
    return plain, make_lean(plain)


@pytest.mark.parametrize(("batch", "length"), SIZES)
def test_the_engine_gets_the_rows_of_the_full_logits(lean, untouched, batch, length):
    feeds = texts(batch, length, 560)
    positions = places(feeds, 4)
    session = Session(ir.to_proto(lean[0]).SerializeToString(), threads=1)
    rows = session.run(feeds["input_ids"], feeds["attention_mask"], positions)
    assert_rounded_alike(rows, rows_at(run(untouched, feeds), positions), graph_bound(untouched, feeds))


def test_a_lean_graph_is_what_the_manifest_says_it_is(lean):
    assert input_names(lean[0]) == ["input_ids", "attention_mask", "mask_positions"]
    assert Session(ir.to_proto(lean[0]).SerializeToString(), threads=1).at_masks


def test_every_pass_fires_and_says_so(lean, untouched):
    descriptions = lean[1]
    assert descriptions.keys() == DESCRIBED
    assert descriptions["token_types"] == ("dropped" if "token_type_ids" in input_names(untouched) else "not there")
    assert descriptions["tied_table"] == "kept once"
    for name in ("fixed_reshapes", "fixed_sizes"):
        fixed, _, all_of_them = descriptions[name].partition(" of ")
        assert int(fixed) == int(all_of_them)
    assert not descriptions["fixed_reshapes"].startswith("0 ")


def test_a_lean_graph_is_smaller_in_nodes_and_bytes(lean, untouched):
    assert len(lean[0].graph) < 0.8 * len(untouched.graph)
    again = 560 * 32 * 4 if find_tracer() == "optimum" else 0  # optimum stores the table twice
    assert stored_bytes(lean[0]) < stored_bytes(untouched) - again + 1000
