"""The products themselves: one QuantizeLinear an activation, one MatMulIntegerToFloat a product.

ONNX Runtime's MatMulIntegerToFloat multiplies, scales by column and adds the bias in one pass over the output.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from fillmask_export.passes.graph import constant, insert, replace
from fillmask_export.quantization.rounding import Weights, round_in_turn, round_to_nearest
from fillmask_export.quantization.sites import Linear, Sample, Site
from fillmask_export.quantization.smoothing import Grid

_ENOUGH = 2  # rows per channel; with fewer, rounding in turn fits the calibration texts and nothing else


def to_integers(model: ir.Model, site: Site, smoothed: ir.Value, grid: Grid, sample: Sample) -> int:
    """Replace the products of a site.

    Args:
        model: The graph's model.
        site: The activation and its products.
        smoothed: The activation without centre and size.
        grid: Its grid.
        sample: Its rows on calibration texts.

    Returns:
        How many products were replaced.
    """
    scale = constant(model, f"{site.name}/scale", np.float32(grid.scale))
    zero_point = constant(model, f"{site.name}/zero_point", np.uint8(grid.zero_point))
    # Of ONNX Runtime's own domain, whose kernel is the same: 1.23, the last for Python 3.10, lacks that of opset 23.
    integers = insert(model, "com.microsoft.QuantizeLinear", [smoothed, scale, zero_point])
    weights = _round(site, grid, sample)
    start = 0
    for linear in site.linears:
        columns = slice(start, start + linear.weight.shape[1])
        start = columns.stop
        operands = _operands(model, linear, grid, (weights[0][:, columns], weights[1][columns]))
        inputs = [integers, operands[0], scale, operands[1], zero_point, None, operands[2]]
        replace(model, linear.output, insert(model, "com.microsoft.MatMulIntegerToFloat", inputs))
    return len(site.linears)


def _round(site: Site, grid: Grid, sample: Sample) -> Weights:
    weight = site.weights().astype(np.float64) * grid.size[:, None]
    if len(sample.rows) < _ENOUGH * len(weight):
        return round_to_nearest(weight)
    return round_in_turn(weight, grid.round(grid.smooth(sample.rows)))


def _operands(model: ir.Model, linear: Linear, grid: Grid, weights: Weights) -> list[ir.Value]:
    """The constants of a product: int8 weights, the scale of each column, the bias with the centre's share."""
    bias = linear.bias if grid.centre is None else linear.bias + grid.centre @ linear.weight
    name = linear.output.name
    return [
        constant(model, f"{name}/int8", np.ascontiguousarray(weights[0])),
        constant(model, f"{name}/column_scale", weights[1]),
        constant(model, f"{name}/whole_bias", bias.astype(np.float32)),
    ]
