"""A mask that is looked up at counted positions is the mask itself; any other lookup stays."""

import numpy as np
import pytest
from onnx_ir.passes.common import ShapeInferencePass

from fillmask_export.passes.mask_lookups import simplify_mask_lookups
from tests.support.graphs import SIZES, operators, parse, run, texts

# What torch.export makes of a padding mask of transformers 5, and of a query's position that is never below 0.
LINES = {
    "sizes": "batch_1 = Shape<start=0, end=1>(input_ids)\nlength_1 = Shape<start=1, end=2>(input_ids)\n"
    "batch = Squeeze(batch_1)\nlength = Squeeze(length_1)",
    "counted": "text = Range(zero, batch, one)\ntoken = Range(zero, length, one)",
    "spread": "texts = Unsqueeze(text, behind)\nkeys = Unsqueeze(token, before)\nqueries = Unsqueeze(token, around)",
    "joined": "widest = Max(texts, keys)\nshape = Shape(widest)\n"
    "wide_texts = Expand(texts, shape)\nwide_keys = Expand(keys, shape)\n"
    "column_0 = Unsqueeze(wide_texts, last)\ncolumn_1 = Unsqueeze(wide_keys, last)\n"
    "indices = Concat<axis=-1>(column_0, column_1)",
    "looked_up": "there = Cast<to=9>(attention_mask)\nlooked = GatherND(there, indices)",
    "condition": "always = GreaterOrEqual(queries, zero)\nboth = And(always, looked)",
    "mask": "mask = Where(both, nothing, lowest)\nscores = Cast<to=1>(squares)\nlogits_4 = Add(scores, mask)",
    "logits": "logits = Squeeze(logits_4, axis_1)",
}
PRODUCT = "square_0 = Unsqueeze(token, around)\nsquares = Mul(square_0, keys)"


def looked_up(**changes):
    lines = LINES | changes
    lines["mask"] = f"{PRODUCT}\n{lines['mask']}"
    constants = {
        "zero": np.int64(0), "one": np.int64(1), "behind": np.array([1, 2, 3]), "before": np.array([0, 1, 2]),
        "around": np.array([0, 1, 3]), "last": np.array([-1]), "axis_1": np.array([1]), "nothing": np.float32(0),
        "lowest": np.finfo(np.float32).min,
    }  # fmt: skip
    head = "plain (int64[b,s] input_ids, int64[b,s] attention_mask) => (float[b,s,v] logits) "
    model = parse(head + "{" + "\n".join(lines.values()) + "}", **constants)
    ShapeInferencePass()(model)
    return model


def check(model, before, said):
    assert simplify_mask_lookups(model) == said
    for size in SIZES:
        feeds = texts(*size, 20)
        np.testing.assert_array_equal(run(model, feeds), run(before, feeds))


def test_a_lookup_of_every_text_and_key_is_the_mask_with_more_axes():
    model = looked_up()
    check(model, looked_up(), "1 of 1")
    assert not operators(model).keys() & {"GatherND", "And", "GreaterOrEqual", "Max", "Concat"}


BACKWARDS = "rising_{0} = Range(zero, {1}, one)\nend_{0} = Sub({1}, one)\n{0} = Sub(end_{0}, rising_{0})"


@pytest.mark.parametrize(
    "counted",
    [
        f"text = Range(zero, batch, one)\n{BACKWARDS.format('token', 'length')}",
        f"{BACKWARDS.format('text', 'batch')}\ntoken = Range(zero, length, one)",
    ],
    ids=["keys backwards", "texts backwards"],
)
def test_another_lookup_stays(counted):
    check(looked_up(counted=counted), looked_up(counted=counted), "0 of 1")


def test_a_condition_that_can_fail_stays():
    changes = {"condition": "always = GreaterOrEqual(queries, one)\nboth = And(always, looked)"}
    model = looked_up(**changes)
    check(model, looked_up(**changes), "1 of 1")
    assert operators(model)["And"] == 1


def test_a_condition_stays_where_more_than_scores_reads_the_mask():
    mask = "mask_2 = Where(both, nothing, lowest)\nmask = Relu(mask_2)\n"
    mask += "scores = Cast<to=1>(squares)\nlogits_4 = Add(scores, mask)"
    model = looked_up(mask=mask)
    check(model, looked_up(mask=mask), "1 of 1")
    assert operators(model)["And"] == 1
