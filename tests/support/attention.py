"""Makes the graph of ``fillmask.runtime.padding_trial``: ``python -m tests.support.attention``."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from fillmask.runtime.padding_trial import GRAPH


def make() -> bytes:
    """An Attention of opset 23 with two heads."""
    shapes = {"q": ["b", "m", "h"], "k": ["b", "s", "h"], "v": ["b", "s", "h"], "mask": ["b", 1, "m", "s"]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info("result", TensorProto.FLOAT, shapes["q"])
    node = helper.make_node("Attention", [*shapes], ["result"], q_num_heads=2, kv_num_heads=2)
    graph = helper.make_graph([node], "attention", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    GRAPH.write_bytes(make())
