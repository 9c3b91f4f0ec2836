"""Hand-made graphs, and how tests of the passes run them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from onnx import checker, numpy_helper, parser

from fillmask_export.probes import Probe

# Batch sizes and lengths for traced graphs; none is that of the trace, (2, 16).
SIZES = [(1, 1), (1, 9), (2, 17), (3, 40), (5, 64)]
PLAIN = "plain (int64[b,s] input_ids, int64[b,s] attention_mask) => (float[b,s,v] logits) "


def parse(text: str, /, opset: int = 18, **weights) -> ir.Model:
    """A graph in ONNX's own text form, with its weights."""
    model = parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}]>' + text)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    checker.check_model(model, full_check=True)
    return ir.from_proto(model)


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Random weights."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def texts(batch: int, length: int, vocab_size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A batch of random tokens, of which the first text has the full length and others are padded."""
    rng = np.random.default_rng([seed, batch, length])
    lengths = [length, *rng.integers(1, length + 1, size=batch - 1)]
    attended = (np.arange(length) < np.array(lengths)[:, None]).astype(np.int64)
    ids = rng.integers(5, vocab_size, size=(batch, length)) * attended
    return {"input_ids": ids, "attention_mask": attended, "token_type_ids": np.zeros_like(ids)}


def random_probes(count: int = 4, vocab_size: int = 500) -> list[Probe]:
    """Texts of random tokens; every second token is a mask."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(5, vocab_size, size=length) for length in rng.integers(4, 20, size=count)]
    positions = [np.arange(1, row.size, 2) for row in rows]
    return [Probe(row, masked, row[masked]) for row, masked in zip(rows, positions, strict=True)]


def feeds_of(probe: Probe) -> dict[str, np.ndarray]:
    """The inputs of a lean graph for one probe."""
    return probe.feeds(("input_ids", "attention_mask", "mask_positions"))


def places(feeds: dict[str, np.ndarray], masks: int, seed: int = 0) -> np.ndarray:
    """Positions of masks inside each text, in no order, some of them twice."""
    rng = np.random.default_rng(seed)
    lengths = feeds["attention_mask"].sum(axis=1)
    return np.stack([rng.integers(0, length, size=masks) for length in lengths])


def run(model: ir.Model, feeds: dict[str, np.ndarray]) -> np.ndarray:
    """The logits of a graph, which takes what it needs from the feeds."""
    return run_all(model, feeds, ["logits"])["logits"]


def run_all(model: ir.Model, feeds: dict[str, np.ndarray], names: list[str] | None = None) -> dict[str, np.ndarray]:
    """Tensors of a graph by name; all those that its nodes give unless they are named."""
    probe = model.clone()
    known = {value.name for value in probe.graph.outputs}
    for node in probe.graph if names is None else []:
        probe.graph.outputs.extend(value for value in node.outputs if value.name and value.name not in known)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(ir.to_proto(probe).SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = [output.name for output in session.get_outputs()]
    taken = {each.name: feeds[each.name] for each in session.get_inputs()}
    return dict(zip(wanted, session.run(wanted, taken), strict=True))


def rows_at(logits: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The rows of full logits at masks, which is what a lean graph must give."""
    return np.take_along_axis(logits, positions[..., None], axis=1)


def operators(model: ir.Model) -> Counter[str]:
    """How many nodes of each operator a graph has."""
    return Counter(node.op_type for node in model.graph)


def input_names(model: ir.Model) -> list[str]:
    """Names of a graph's inputs."""
    return [value.name for value in model.graph.inputs]


def stored_bytes(model: ir.Model) -> int:
    """Size of a graph's weights."""
    return sum(value.const_value.nbytes for value in model.graph.initializers.values())
