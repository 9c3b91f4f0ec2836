"""token_inputs: one line for each thing that an operator can do to tokens."""

import numpy as np
import onnx_ir as ir
import pytest

from fillmask_export.passes.tokenwise import token_inputs

ROWS, COLUMNS, SCORES = ("b", "s", 8), ("b", 8, "s"), ("b", 4, "s", "s")


def rule_of(op_type, inputs, output, tokens_along, *, attributes, outputs=1):
    """What token_inputs says of a node; an input is a shape or the array of a constant."""
    values, shapes = [], {}
    for index, each in enumerate(inputs):
        value = None if each is None else ir.Value(name=f"input_{index}")
        if isinstance(each, np.ndarray):
            value.const_value = ir.tensor(each)
        elif isinstance(each, tuple):
            shapes[value.name] = each
        values.append(value)
    node = ir.node(op_type, values, attributes=attributes, num_outputs=outputs)
    for index, value in enumerate(node.outputs):
        value.name = f"output_{index}"
    if output is not None:
        shapes["output_0"] = output
    return token_inputs(node, tokens_along, shapes), node


def axes(*numbers):
    return np.array(numbers, dtype=np.int64)


PER_TOKEN = {
    "one input": ("Tanh", [ROWS], ROWS, 1, {}, {0: 1}),
    "two inputs": ("Add", [ROWS, ROWS], ROWS, 1, {}, {0: 1, 1: 1}),
    "a bias": ("Add", [ROWS, np.ones(8)], ROWS, 1, {}, {0: 1}),
    "a scalar": ("Mul", [np.ones(()), ROWS], ROWS, 1, {}, {1: 1}),
    "one row for all tokens": ("Add", [ROWS, ("b", 1, 8)], ROWS, 1, {}, {0: 1}),
    "positions of one text": ("Add", [ROWS, (1, "s", 8)], ROWS, 1, {}, {0: 1, 1: 1}),
    "a mask over keys": ("Add", [SCORES, ("b", 1, 1, "s")], SCORES, 2, {}, {0: 2}),
    "a mask over pairs": ("Add", [SCORES, ("b", 1, "s", "s")], SCORES, 2, {}, {0: 2, 1: 2}),
    "a choice": ("Where", [("b", 1, 1, "s"), np.ones(()), SCORES], SCORES, 2, {}, {2: 2}),
    "an input left out": ("Clip", [ROWS, None, np.ones(())], ROWS, 1, {}, {0: 1}),
    "a product": ("MatMul", [ROWS, np.ones((8, 9))], ("b", "s", 9), 1, {}, {0: 1}),
    "scores": ("MatMul", [("b", 4, "s", 2), ("b", 4, 2, "s")], SCORES, 2, {}, {0: 2}),
    "values": ("MatMul", [SCORES, ("b", 4, "s", 2)], ("b", 4, "s", 2), 2, {}, {0: 2}),
    "LayerNormalization": ("LayerNormalization", [ROWS, np.ones(8)], ROWS, 1, {"axis": -1}, {0: 1}),
    "softmax over keys": ("Softmax", [SCORES], SCORES, 2, {"axis": -1}, {0: 2}),
    "softmax without axis": ("Softmax", [SCORES], SCORES, 2, {}, {0: 2}),
    "a mean over hidden": ("ReduceMean", [ROWS, axes(-1)], ("b", "s", 1), 1, {"keepdims": 1}, {0: 1}),
    "heads to the front": ("Transpose", [("b", "s", 4, 2)], ("b", 4, "s", 2), 2, {"perm": [0, 2, 1, 3]}, {0: 1}),
    "splitting heads": ("Reshape", [ROWS, axes(0, 0, 4, 2)], ("b", "s", 4, 2), 1, {}, {0: 1}),
    "joining heads": ("Reshape", [("b", "s", 4, 2), axes(0, 0, 8)], ROWS, 1, {}, {0: 1}),
    "joining features": ("Concat", [ROWS, ROWS], ("b", "s", 16), 1, {"axis": -1}, {0: 1, 1: 1}),
    "one row expanded to all": ("Expand", [("b", 1, 1, "s"), "target"], SCORES, 2, {}, {}),
    "one row of a lower rank expanded": ("Expand", [("s",), "target"], ("b", 4, "s", "s"), 2, {}, {}),
    "rows expanded to all heads": ("Expand", [("b", 1, "s", "s"), "target"], SCORES, 2, {}, {0: 2}),
    "a convolution over one token": ("Conv", [COLUMNS, np.ones((9, 8, 1))], ("b", 9, "s"), 2, {"pads": [0, 0]}, {0: 2}),
    "some features": ("Slice", [ROWS, axes(0), axes(4), axes(2)], ("b", "s", 4), 1, {}, {0: 1}),
}
NOT_PER_TOKEN = {
    "a convolution over three tokens": ("Conv", [COLUMNS, np.ones((8, 8, 3))], COLUMNS, 2, {"pads": [1, 1]}),
    "a convolution that adds tokens": ("Conv", [COLUMNS, np.ones((8, 8, 1))], COLUMNS, 2, {"pads": [1, 1]}),
    "a convolution that leaves tokens out": ("Conv", [COLUMNS, np.ones((8, 8, 1))], COLUMNS, 2, {"strides": [2]}),
    "a convolution whose weights are computed": ("Conv", [COLUMNS, (8, 8, 1)], COLUMNS, 2, {}),
    "a convolution's channels": ("Conv", [("b", "s", 8), np.ones((8, 8, 1))], ROWS, 1, {}),
    "rows of a lower rank expanded": ("Expand", [("s", "s"), "target"], SCORES, 2, {}),
    "an expansion of unknown shape": ("Expand", ["unknown", "target"], SCORES, 2, {}),
    "an expansion to an unknown shape": ("Expand", [("b", 1, 1, "s"), "target"], (None, 4, "s", "s"), 2, {}),
    "an operator it does not know": ("CumSum", [ROWS, axes(1)], ROWS, 1, {}),
    "a product with tokens on its right": ("MatMul", [np.ones((8, 8)), ("b", 8, "s")], ("b", 8, "s"), 2, {}),
    "keys as columns": ("MatMul", [("b", 4, "s", 2), ("b", 4, 2, "s")], SCORES, 3, {}),
    "softmax over tokens": ("Softmax", [ROWS], ROWS, 1, {"axis": 1}),
    "LayerNormalization over tokens": ("LayerNormalization", [ROWS, np.ones(8)], ROWS, 1, {"axis": 1}),
    "a mean over tokens": ("ReduceMean", [SCORES, axes(-2)], SCORES, 2, {"keepdims": 1}),
    "a mean that drops its axis": ("ReduceMean", [("b", "s", 8, 2), axes(-1)], ROWS, 1, {"keepdims": 0}),
    "a mean over all": ("ReduceMean", [ROWS], ROWS, 1, {}),
    "tokens moved": ("Reshape", [("b", 4, "s", 2), axes(0, -1, 8)], ROWS, 1, {}),
    "tokens taken apart": ("Reshape", [ROWS, axes(0, 0, -1)], ("b", "s", "s"), 1, {}),
    "texts joined": ("Concat", [ROWS, ROWS], ROWS, 1, {"axis": 1}),
    "some tokens": ("Slice", [ROWS, axes(0), axes(4), axes(1)], ROWS, 1, {}),
    "a slice of all axes": ("Slice", [ROWS, axes(0), axes(4)], ROWS, 1, {}),
    "an axis that is not of tokens": ("Tanh", [ROWS], ROWS, 2, {}),
    "an output of unknown shape": ("Tanh", [ROWS], None, 1, {}),
    "an input of unknown shape": ("Add", [ROWS, "unknown"], ROWS, 1, {}),
    "an input of another length": ("Add", [ROWS, ("b", None, 8)], ROWS, 1, {}),
}


@pytest.mark.parametrize("case", PER_TOKEN)
def test_the_inputs_that_hold_the_same_tokens_are_named(case):
    op_type, inputs, output, axis, attributes, expected = PER_TOKEN[case]
    assert rule_of(op_type, inputs, output, axis, attributes=attributes)[0] == expected


@pytest.mark.parametrize("case", NOT_PER_TOKEN)
def test_what_depends_on_other_tokens_or_is_not_known_is_none(case):
    op_type, inputs, output, axis, attributes = NOT_PER_TOKEN[case]
    assert rule_of(op_type, inputs, output, axis, attributes=attributes)[0] is None


def test_a_node_whose_second_output_is_read_is_not_taken_apart():
    found, node = rule_of("LayerNormalization", [ROWS, np.ones(8)], ROWS, 1, attributes={"axis": -1}, outputs=2)
    assert found == {0: 1}
    ir.node("Identity", [node.outputs[1]])
    assert token_inputs(node, 1, {"output_0": ROWS, "input_0": ROWS}) is None
