"""Integer products: one QuantizeLinear an activation, one MatMulIntegerToFloat a product.

ONNX Runtime's MatMulIntegerToFloat multiplies, scales by column and adds the bias in one pass over the output.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import constant, insert, replace
from fillmask_export.quantization.activations import Activation, Linear, Sample
from fillmask_export.quantization.gptq_int8 import Weights, round_gptq, round_to_nearest
from fillmask_export.quantization.qparams import QuantParams

_ENOUGH = 2  # calibration rows per channel; with fewer, GPTQ overfits the calibration texts


def to_integers(
    model: ir.Model, activation: Activation, smoothed: ir.Value, qparams: QuantParams, sample: Sample
) -> int:
    """Replace the products of an activation.

    Args:
        model: The graph's model.
        activation: The activation and its products.
        smoothed: The tensor without centre and size.
        qparams: Its quantization parameters.
        sample: Its values on calibration texts.

    Returns:
        The number of products replaced.
    """
    scale = constant(model, f"{activation.name}/scale", np.float32(qparams.scale))
    zero_point = constant(model, f"{activation.name}/zero_point", np.uint8(qparams.zero_point))
    # ONNX Runtime's own operator has the same kernel. 1.23, the last release for Python 3.10, lacks that of opset 23.
    integers = insert(model, "com.microsoft.QuantizeLinear", [smoothed, scale, zero_point])
    weights = round_weights(activation.weights(), qparams, sample)
    start = 0
    for linear in activation.linears:
        columns = slice(start, start + linear.weight.shape[1])
        start = columns.stop
        operands = _operands(model, linear, qparams, (weights[0][:, columns], weights[1][columns]))
        inputs = [integers, operands[0], scale, operands[1], zero_point, None, operands[2]]
        replace(model, linear.output, insert(model, "com.microsoft.MatMulIntegerToFloat", inputs))
    return len(activation.linears)


def round_weights(weight: NDArray[np.float32], qparams: QuantParams, sample: Sample) -> Weights:
    """Round the weights ``float32[K, N]`` that multiply an activation, with GPTQ if its sample has enough rows."""
    sized = weight.astype(np.float64) * qparams.size[:, None]
    if len(sample.rows) < _ENOUGH * len(sized):
        return round_to_nearest(sized)
    return round_gptq(sized, qparams.round(qparams.smooth(sample.rows)))


def _operands(model: ir.Model, linear: Linear, qparams: QuantParams, weights: Weights) -> list[ir.Value]:
    """The constants of a product: int8 weights, the scale of each column, the bias with the centre added."""
    bias = linear.bias if qparams.centre is None else linear.bias + qparams.centre @ linear.weight
    name = linear.output.name
    return [
        constant(model, f"{name}/int8", np.ascontiguousarray(weights[0])),
        constant(model, f"{name}/column_scale", weights[1]),
        constant(model, f"{name}/whole_bias", bias.astype(np.float32)),
    ]
