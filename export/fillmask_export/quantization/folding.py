"""Take centres and sizes out of an activation without changing what the graph computes.

A LayerNorm takes both up in its own weights, at no cost. What else reads its output gets size and centre back: the
residual connection as one multiplication, its centre in the bias of the branch that it is added to. In front of any
other site stands a multiplication with the inverse sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import array_of, constant, insert
from fillmask_export.quantization.sites import Site, linear_behind
from fillmask_export.quantization.smoothing import Grid


def smooth(model: ir.Model, site: Site, grid: Grid) -> ir.Value:
    """Make the smoothed activation of a site.

    Returns:
        The tensor ``(x - centre) / size``. The products of the site still read ``x``, and still have its weights.
    """
    if site.even:
        return site.value
    if not site.after_layer_norm:
        return insert(model, "Mul", [site.value, _vector(model, f"{site.name}/inverse_size", 1 / grid.size)])
    node = site.value.producer()
    assert node is not None
    gamma = _float64(node.inputs[1])
    beta = _float64(node.inputs[2]) if len(node.inputs) > 2 else np.zeros_like(gamma)
    centre = np.zeros_like(gamma) if grid.centre is None else grid.centre
    folded = [_vector(model, f"{site.name}/gamma", gamma / grid.size)]
    folded.append(_vector(model, f"{site.name}/beta", (beta - centre) / grid.size))
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    smoothed = insert(model, "LayerNormalization", [node.inputs[0], *folded], **attributes)
    _restore(model, site, grid, smoothed)
    return smoothed


def _restore(model: ir.Model, site: Site, grid: Grid, smoothed: ir.Value) -> None:
    """Give readers other than the site's products what they read before."""
    products = {linear.product for linear in site.linears}
    others = [(node, index) for node, index in site.value.uses() if node not in products]
    if not others:
        return
    sized = insert(model, "Mul", [smoothed, _vector(model, f"{site.name}/size", grid.size)])
    whole: ir.Value | None = None
    for node, index in others:
        if grid.centre is None or _absorb(model, node, index, grid):
            node.replace_input_with(index, sized)
        else:
            whole = whole or insert(model, "Add", [sized, _vector(model, f"{site.name}/centre", grid.centre)])
            node.replace_input_with(index, whole)


def _absorb(model: ir.Model, node: ir.Node, index: int, grid: Grid) -> bool:
    """Put a centre into the bias of the product that the activation is added to, if it is added to one."""
    linear = linear_behind(node.inputs[1 - index]) if node.op_type == "Add" else None
    if linear is None or linear.addition is None or len(linear.output.uses()) != 1 or grid.centre is None:
        return False
    bias = _vector(model, f"{linear.output.name}/bias_with_centre", linear.bias + grid.centre)
    linear.addition.replace_input_with(linear.bias_index, bias)
    return True


def _float64(value: ir.Value | None) -> NDArray[np.float64]:
    array = array_of(value)
    assert array is not None
    return array.astype(np.float64)


def _vector(model: ir.Model, name: str, array: NDArray[np.floating[Any]]) -> ir.Value:
    return constant(model, name, np.ascontiguousarray(array, dtype=np.float32))
