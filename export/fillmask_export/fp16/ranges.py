"""The largest finite value of every float tensor of a graph, found by running it on texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.probes import Probe
from fillmask_export.tensor_outputs import open_tensors

Ranges = dict[str, float]
"""Largest magnitude by tensor name; the keys are all float32 tensors that nodes return."""


def find_ranges(model: ir.Model, probes: list[Probe]) -> Ranges:
    """Run a graph on texts and find the range of every float32 tensor.

    Infinite values are left out: they are the graph's own minus infinity, which every float type has.

    Args:
        model: A graph with the inputs of an artifact's graph, or without ``mask_positions``.
        probes: Texts to run it on, without padding.
    """
    with _all_tensors(model, "tensor(float)") as (names, run):
        ranges = dict.fromkeys(names, 0.0)
        for probe in probes:
            for name, array in zip(names, run(probe), strict=True):
                ranges[name] = max(ranges[name], _largest(array))
    return ranges


def find_infinite(model: ir.Model, probes: list[Probe]) -> list[str]:
    """The float16 tensors that hold infinity or NaN for some text.

    On a CPU, ONNX Runtime computes most of float16 in float32 and need not round in between. An overflow then does not
    show in the logits. As an output, each tensor is rounded to float16.

    Args:
        model: As for ``find_ranges``.
        probes: Texts to run it on.
    """
    with _all_tensors(model, "tensor(float16)") as (names, run):
        results = [[np.isfinite(array).all() for array in run(probe)] for probe in probes]
    return [name for name, finite in zip(names, zip(*results, strict=True), strict=False) if not all(finite)]


@contextmanager
def _all_tensors(model: ir.Model, dtype: str) -> Iterator[tuple[list[str], Callable[[Probe], list[NDArray[Any]]]]]:
    """The names of all tensors of a type, and a function that computes them for a text."""
    with open_tensors(model) as session:
        names = [value.name for value in session.get_outputs() if value.type == dtype]
        inputs = [value.name for value in session.get_inputs()]
        yield names, lambda probe: list(session.run(names, probe.feeds(inputs))) if names else []


def _largest(array: NDArray[np.float32]) -> float:
    magnitudes = np.abs(array)
    return float(np.max(magnitudes, initial=0.0, where=np.isfinite(magnitudes)))
