"""What is new in architectures that only transformers 5 has is traced, and every pass applies to it."""

import numpy as np
import pytest
import torch

from fillmask_export.checkpoint import open_checkpoint
from fillmask_export.passes import make_lean
from fillmask_export.tracing import trace
from tests.support.architectures import ARCHITECTURES, make_checkpoint
from tests.support.graphs import SIZES, input_names, operators, places, rows_at, run, texts
from tests.support.rounding import assert_rounded_alike, graph_bound

# Rotary positions, heads that share keys, a gated MLP behind RMS norms; attention to neighbours, and norms in front.
NEW = ["eurobert/grouped", "ultrabert"]


@pytest.fixture(scope="module", params=NEW)
def traced(request, tmp_path_factory):
    """The checkpoint, and its graph before and after the passes."""
    if request.param not in ARCHITECTURES:
        pytest.skip("transformers 4 does not have it")
    folder = tmp_path_factory.mktemp("traced")
    checkpoint = open_checkpoint(make_checkpoint(request.param, folder / "checkpoint"))
    model = trace(checkpoint, folder)
    plain = model.clone()
    return checkpoint.model, plain, model, make_lean(model)


def test_the_rows_at_the_masks_are_pytorchs_at_every_length_batch_and_padding(traced):
    checkpoint, plain, lean, _ = traced
    for size in SIZES:
        feeds = texts(*size, checkpoint.config.vocab_size)
        positions = places(feeds, 3)
        with torch.no_grad():
            taken = {name: torch.from_numpy(feeds[name]) for name in ("input_ids", "attention_mask")}
            expected = rows_at(checkpoint(**taken).logits.numpy(), positions)
        rows = run(lean, feeds | {"mask_positions": positions})
        assert_rounded_alike(rows, expected, graph_bound(plain, feeds))
        assert np.isfinite(rows).all()


def test_every_pass_applies(traced):
    _, _, lean, passes = traced
    assert input_names(lean) == ["input_ids", "attention_mask", "mask_positions"]
    assert passes["fused_attention"] == "2 of 2"
    assert passes["mask_lookups"] == "1 of 1"
    assert passes["rows_at_masks"].endswith("1 of them of attention")
    assert operators(lean)["Attention"] == 2
    assert not operators(lean).keys() & {"Softmax", "Split"}
