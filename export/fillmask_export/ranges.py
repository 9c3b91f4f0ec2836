"""How large the numbers of a graph become: every float tensor's largest finite value, found by running it on texts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from numpy.typing import NDArray

from fillmask_export.probes import Probe

Ranges = dict[str, float]
"""Largest magnitude by tensor; its keys are the names of all tensors of type float32 that nodes give."""


def find_ranges(model: ir.Model, probes: list[Probe]) -> Ranges:
    """Run a graph on texts and look at every tensor of type float32.

    Infinite values are left out: they are the graph's own minus infinity, which every float type has.

    Args:
        model: With the inputs of an artifact's graph, or without ``mask_positions``.
        probes: Texts to run it on, without padding.
    """
    with _all_tensors(model, "tensor(float)") as (names, run):
        ranges = dict.fromkeys(names, 0.0)
        for probe in probes:
            for name, array in zip(names, run(probe), strict=True):
                ranges[name] = max(ranges[name], _largest(array))
    return ranges


def find_infinite(model: ir.Model, probes: list[Probe]) -> list[str]:
    """The tensors of type float16 that hold infinity or NaN for some text.

    On the CPU ONNX Runtime computes most of float16 in float32 and need not round in between, so that an overflow does
    not show in the answers. Here each tensor is asked for, and therefore rounded.

    Args:
        model: As for ``find_ranges``.
        probes: Texts to run it on.
    """
    with _all_tensors(model, "tensor(float16)") as (names, run):
        results = [[np.isfinite(array).all() for array in run(probe)] for probe in probes]
    return [name for name, finite in zip(names, zip(*results, strict=True), strict=False) if not all(finite)]


@contextmanager
def _all_tensors(model: ir.Model, dtype: str) -> Iterator[tuple[list[str], Callable[[Probe], list[NDArray[Any]]]]]:
    """The names of all tensors of a type, and a function from a text to what they hold."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps a file that is mapped
        session = _session(model, Path(folder))
        names = [value.name for value in session.get_outputs() if value.type == dtype]
        taken = {value.name for value in session.get_inputs()}

        def run(probe: Probe) -> list[NDArray[Any]]:
            feeds = {name: array for name, array in _feeds(probe).items() if name in taken}
            return list(session.run(names, feeds)) if names else []

        yield names, run


def _largest(array: NDArray[np.float32]) -> float:
    magnitudes = np.abs(array)
    return float(np.max(magnitudes, initial=0.0, where=np.isfinite(magnitudes)))


def _session(model: ir.Model, folder: Path) -> ort.InferenceSession:
    probe = model.clone()
    known = {value.name for value in probe.graph.outputs}
    for node in probe.graph:
        probe.graph.outputs.extend(value for value in node.outputs if value.name and value.name not in known)
    ir.save(probe, folder / "probe.onnx", external_data="probe.onnx_data")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return ort.InferenceSession(folder / "probe.onnx", options, providers=["CPUExecutionProvider"])


def _feeds(probe: Probe) -> dict[str, NDArray[Any]]:
    ids = probe.input_ids[None]
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "mask_positions": probe.positions[None]}
    return feeds | {"token_type_ids": np.zeros_like(ids)}
