"""Move the centre and the size of an attention's result into the product that computes its values.

The result of an attention is a weighted mean of its values. A centre subtracted from every value, and a size that
divides every value, are therefore taken out of the result too, at no cost.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.extra_query import attention_behind
from fillmask_export.passes.graph import constant
from fillmask_export.quantization.activations import Activation, Linear, Sample, Samples, linear_behind
from fillmask_export.quantization.qparams import centre_and_size


def absorb(model: ir.Model, activation: Activation, samples: Samples) -> bool:
    """Balance the channels of an attention's result, in place, in graph, activation and samples.

    Returns:
        Whether the activation is the result of an attention that nothing but its products reads, and whose values are a
        product with a bias that nothing else reads.
    """
    values = _values(activation)
    if values is None or any(linear.addition is None for linear in activation.linears):
        return False
    sample = samples[activation.name]
    centre, size = centre_and_size(sample, centred=True)
    assert centre is not None
    for linear in activation.linears:
        _set(model, linear, linear.weight * size[:, None], linear.bias + centre @ linear.weight)
    _set(model, values, values.weight / size, (values.bias - centre) / size)
    alike = [(array - centre) / size for array in (sample.low, sample.high, sample.rows)]
    samples[activation.name] = Sample(*alike)
    activation.even = True
    return True


def _values(activation: Activation) -> Linear | None:
    """The product that computes the values, ``float32[b, s, h · d]``, with the channels of the result."""
    node = attention_behind(activation.value)
    if node is None or "q_num_heads" not in node.attributes:
        return None
    linear = linear_behind(node.inputs[2])
    readers = {user for user, _ in activation.value.uses()} - {each.product for each in activation.linears}
    if linear is None or linear.addition is None or len(linear.output.uses()) != 1 or readers:
        return None
    return linear


def _set(model: ir.Model, linear: Linear, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    assert linear.addition is not None
    name = f"{linear.output.name}/absorbed"
    linear.addition.replace_input_with(linear.bias_index, constant(model, f"{name}_bias", bias.astype(np.float32)))
    linear.product.replace_input_with(1, constant(model, f"{name}_weight", weight.astype(np.float32)))
