"""The shape of every tensor of a graph, found by running it.

Symbolic shape inference stops at the first Reshape with a computed target, which in exported transformers is the first
attention. Two runs with different batch sizes and lengths are unambiguous. A dimension that stays is a constant; one
that follows the batch is ``"b"``, one that follows the length is ``"s"``.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from numpy.typing import NDArray

from fillmask.errors import first_line
from fillmask_export.errors import CheckpointError
from fillmask_export.tensor_outputs import open_tensors

Dim = int | str | None
"""A constant, ``"b"``, ``"s"``, or None where it is none of them."""

Shapes = dict[str, tuple[Dim, ...]]
"""Shapes by tensor name."""

_RUNS = ((2, 11), (3, 13))  # batch size and length


def find_shapes(model: ir.Model) -> Shapes:
    """Find the shapes of a graph's inputs and initializers, and of all tensors that its nodes return.

    Raises:
        CheckpointError: The graph does not run at all lengths and batch sizes.
    """
    try:
        with open_tensors(model) as session:
            runs = [_run(session, batch, length) for batch, length in _RUNS]
    except OSError:
        raise  # of the disk, not of the graph
    except Exception as error:  # ONNX Runtime's exceptions, one a status code, have no common base
        raise CheckpointError(
            f"the graph only runs at the length and batch size that it was traced at, since the model computes with "
            f"them in Python: {first_line(error)}"
        ) from error
    shapes: Shapes = {
        name: tuple(_dim(first, second) for first, second in zip(array, runs[1][name], strict=True))
        for name, array in runs[0].items()
        if len(array) == len(runs[1].get(name, ()))
    }
    for name, value in model.graph.initializers.items():
        if value.const_value is not None:
            shapes[name] = tuple(value.const_value.shape.numpy())
    return shapes


def _dim(first: int, second: int) -> Dim:
    if first == second:
        return first
    return {pair: name for name, pair in zip("bs", zip(*_RUNS, strict=True), strict=True)}.get((first, second))


def _run(session: ort.InferenceSession, batch: int, length: int) -> dict[str, tuple[int, ...]]:
    feeds = {value.name: _feed(value.name, batch, length) for value in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    shapes = {name: tuple(array.shape) for name, array in zip(names, session.run(names, feeds), strict=True)}
    return shapes | {name: tuple(array.shape) for name, array in feeds.items()}


def _feed(name: str, batch: int, length: int) -> NDArray[np.int64]:
    ids = np.arange(batch * length, dtype=np.int64).reshape(batch, length) % 3 + 2
    return {"attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}.get(name, ids)
