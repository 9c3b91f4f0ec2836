"""Let the values of an attention take up centre and size of its result.

What attention gives is a mean of its values, so that a centre taken out of every value, and a size by which every value
is divided, are taken out of the result: the product that makes the values can do it, at no cost.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import constant
from fillmask_export.quantization.sites import Linear, Sample, Samples, Site, linear_behind
from fillmask_export.quantization.smoothing import centre_and_size


def absorb(model: ir.Model, site: Site, samples: Samples) -> bool:
    """Make the channels of an attention's result alike, in place, in graph, site and samples.

    Returns:
        Whether the site is such a result, and the values, the products behind it and nothing else read and make it.
    """
    values = _values(site)
    if values is None or any(linear.addition is None for linear in site.linears):
        return False
    sample = samples[site.name]
    centre, size = centre_and_size(sample, centred=True)
    assert centre is not None
    for linear in site.linears:
        _set(model, linear, linear.weight * size[:, None], linear.bias + centre @ linear.weight)
    _set(model, values, values.weight / size, (values.bias - centre) / size)
    alike = [(array - centre) / size for array in (sample.low, sample.high, sample.rows)]
    samples[site.name] = Sample(*alike)
    site.even = True
    return True


def _values(site: Site) -> Linear | None:
    """The product that makes the values, ``float32[b, s, h · d]``, channel by channel those of the result."""
    node = site.value.producer()
    if node is None or node.op_type != "Attention" or "q_num_heads" not in node.attributes:
        return None
    linear = linear_behind(node.inputs[2])
    readers = {user for user, _ in site.value.uses()} - {each.product for each in site.linears}
    if linear is None or linear.addition is None or len(linear.output.uses()) != 1 or readers:
        return None
    return linear


def _set(model: ir.Model, linear: Linear, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    assert linear.addition is not None
    name = f"{linear.output.name}/absorbed"
    linear.addition.replace_input_with(linear.bias_index, constant(model, f"{name}_bias", bias.astype(np.float32)))
    linear.product.replace_input_with(1, constant(model, f"{name}_weight", weight.astype(np.float32)))
