"""Read the tensors inside a graph: a session over a copy of the graph whose tensors are outputs."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx_ir as ir
import onnxruntime as ort
from onnx_ir.passes.common import RemoveUnusedNodesPass


@contextmanager
def open_tensors(
    model: ir.Model, names: Collection[str] | None = None, *, threads: int = 0
) -> Iterator[ort.InferenceSession]:
    """Open a session that returns tensors inside a graph.

    Args:
        model: The graph; it is not changed.
        names: float32 tensors to return instead of the graph's outputs; what they do not need does not run. An empty
            collection leaves the outputs as they are. ONNX Runtime may fuse all operators between them. None adds every
            tensor that a node returns, behind the graph's own outputs, and turns graph optimization off.
        threads: Of a run; 0 for all cores.
    """
    copy = model.clone()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # runs alternate with NumPy
    if names is None:
        _expose_all(copy)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    elif names:
        _expose(copy, names)
    # A file holds graphs of more than 2 GB. Windows keeps a file that is mapped.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "tensors.onnx")
        ir.save(copy, path, external_data="tensors.onnx_data")
        yield ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _expose_all(model: ir.Model) -> None:
    known = {value.name for value in model.graph.outputs}
    for node in model.graph:
        model.graph.outputs.extend(value for value in node.outputs if value.name and value.name not in known)


def _expose(model: ir.Model, names: Collection[str]) -> None:
    values = {value.name: value for node in model.graph for value in node.outputs}
    model.graph.outputs.clear()
    for name in names:
        values[name].type = ir.TensorType(ir.DataType.FLOAT)
        model.graph.outputs.append(values[name])
    RemoveUnusedNodesPass()(model)
