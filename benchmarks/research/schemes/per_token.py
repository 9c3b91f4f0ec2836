"""A scale for each token, computed by ONNX operators.

A row's largest value becomes 127 steps. ONNX Runtime multiplies integers with only one zero point a tensor, so the zero
point stays in the middle. Values that are never negative, such as a GELU's, use half the range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import constant, insert, replace
from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import Activation as Site
from fillmask_export.quantization.activations import Linear, Samples
from fillmask_export.quantization.activations import find_activations as find_sites
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.gptq_int8 import Weights, round_to_nearest
from fillmask_export.quantization.gptq_int8 import round_gptq as round_in_turn
from fillmask_export.quantization.prepare import prepare
from fillmask_export.quantization.prepare import qparams_of as grid_of
from fillmask_export.quantization.table import quantize_table

_ENOUGH = 2  # rows a channel, as in the shipped scheme; with fewer, each weight is rounded to the nearest
_TINY = np.float32(1e-9)  # the scale of a row of zeros
Rows = tuple[ir.Value, ir.Value]
"""Integers and the scale of each row."""


def per_token(model: ir.Model, calibration: list[Probe], *, even: bool) -> None:
    """Quantize a lean graph in place.

    Args:
        model: fp32, as ``make_lean`` leaves it.
        calibration: Texts to balance the channels on.
        even: Balance the channels first and round weights in turn, as the shipped scheme does.
    """
    sites, samples = find_sites(model), Samples()
    if even:
        sites, samples, _ = prepare(model, calibration)
    for site in sites:
        prepared = _even(model, site, samples) if even else _as_it_is(site)
        _multiply(model, site, _quantize_rows(model, prepared.value), prepared)
    quantize_table(model)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A site before its rows become integers.

    Attributes:
        value: The activation to quantize.
        weights: Of all its products, rounded.
        centre: What was subtracted from the value, or None.
    """

    value: ir.Value
    weights: Weights
    centre: NDArray[np.float32] | None


def _as_it_is(site: Site) -> _Prepared:
    return _Prepared(site.value, round_to_nearest(site.weights().astype(np.float64)), None)


def _even(model: ir.Model, site: Site, samples: Samples) -> _Prepared:
    grid, sample = grid_of(site, samples), samples[site.name]
    value = smooth(model, site, grid)
    weights = site.weights().astype(np.float64) * grid.size[:, None]
    if len(sample.rows) < _ENOUGH * len(weights):
        return _Prepared(value, round_to_nearest(weights), grid.centre)
    return _Prepared(value, round_in_turn(weights, _round_rows(grid.smooth(sample.rows))), grid.centre)


def _round_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    steps = np.maximum(np.abs(rows).max(axis=1, keepdims=True) / np.float32(127), _TINY)
    rounded: NDArray[np.float32] = np.round(rows / steps) * steps
    return rounded


def _quantize_rows(model: ir.Model, value: ir.Value) -> Rows:
    last = constant(model, "axis_last", np.array([-1], dtype=np.int64))
    largest = insert(model, "ReduceMax", [insert(model, "Abs", [value]), last], keepdims=1)
    step = insert(model, "Mul", [largest, constant(model, "per_step", np.float32(1 / 127))])
    step = insert(model, "Max", [step, constant(model, "tiny", _TINY)])
    one, middle = constant(model, "one", np.float32(1)), constant(model, "middle", np.uint8(128))
    return insert(model, "QuantizeLinear", [insert(model, "Div", [value, step]), one, middle]), step


def _multiply(model: ir.Model, site: Site, rows: Rows, prepared: _Prepared) -> None:
    weights, centre = prepared.weights, prepared.centre
    start = 0
    for linear in site.linears:
        columns = slice(start, start + linear.weight.shape[1])
        start = columns.stop
        product = _product(model, linear, rows, (weights[0][:, columns], weights[1][columns]))
        bias = linear.bias if centre is None else linear.bias + centre @ linear.weight
        whole_bias = constant(model, f"{linear.output.name}/whole_bias", bias.astype(np.float32))
        replace(model, linear.output, insert(model, "Add", [product, whole_bias]))
    model.opset_imports.setdefault("com.microsoft", 1)


def _product(model: ir.Model, linear: Linear, rows: Rows, weights: Weights) -> ir.Value:
    name = linear.output.name
    integers = constant(model, f"{name}/int8", np.ascontiguousarray(weights[0]))
    column_scale = constant(model, f"{name}/column_scale", weights[1])
    one, middle = constant(model, "one", np.float32(1)), constant(model, "middle", np.uint8(128))
    inputs: list[ir.Value | None] = [rows[0], integers, one, column_scale, middle]
    product = insert(model, "com.microsoft.MatMulIntegerToFloat", inputs)
    return insert(model, "Mul", [product, rows[1]])
