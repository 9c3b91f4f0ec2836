"""Take centres and sizes out of an activation without changing what the graph computes.

A LayerNorm takes both up in its own weights, at no cost. Other readers of its output get size and centre back. The
residual connection gets the size from one multiplication, and the centre from the bias of the branch that it is added
to. Any other activation is multiplied by the inverse sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import array_of, constant, insert
from fillmask_export.quantization.activations import Activation, linear_behind
from fillmask_export.quantization.qparams import QuantParams


def smooth(model: ir.Model, activation: Activation, qparams: QuantParams) -> ir.Value:
    """Insert the smoothed activation.

    Returns:
        The tensor ``(x - centre) / size``. The products still read ``x`` and still have their own weights.
    """
    if activation.even:
        return activation.value
    if not activation.after_layer_norm:
        return insert(
            model, "Mul", [activation.value, _vector(model, f"{activation.name}/inverse_size", 1 / qparams.size)]
        )
    node = activation.value.producer()
    assert node is not None
    gamma = _float64(node.inputs[1])
    beta = _float64(node.inputs[2]) if len(node.inputs) > 2 else np.zeros_like(gamma)
    centre = np.zeros_like(gamma) if qparams.centre is None else qparams.centre
    folded = [_vector(model, f"{activation.name}/gamma", gamma / qparams.size)]
    folded.append(_vector(model, f"{activation.name}/beta", (beta - centre) / qparams.size))
    attributes = {name: attribute.value for name, attribute in node.attributes.items()}
    smoothed = insert(model, "LayerNormalization", [node.inputs[0], *folded], **attributes)
    _restore(model, activation, qparams, smoothed)
    return smoothed


def _restore(model: ir.Model, activation: Activation, qparams: QuantParams, smoothed: ir.Value) -> None:
    """Restore the original values for all readers but the activation's products."""
    products = {linear.product for linear in activation.linears}
    others = [(node, index) for node, index in activation.value.uses() if node not in products]
    if not others:
        return
    sized = insert(model, "Mul", [smoothed, _vector(model, f"{activation.name}/size", qparams.size)])
    whole: ir.Value | None = None
    for node, index in others:
        if qparams.centre is None or _absorb(model, node, index, qparams):
            node.replace_input_with(index, sized)
        else:
            whole = whole or insert(model, "Add", [sized, _vector(model, f"{activation.name}/centre", qparams.centre)])
            node.replace_input_with(index, whole)


def _absorb(model: ir.Model, node: ir.Node, index: int, qparams: QuantParams) -> bool:
    """Add the centre to the bias of the product that the activation is added to; returns whether there is one."""
    linear = linear_behind(node.inputs[1 - index]) if node.op_type == "Add" else None
    if linear is None or linear.addition is None or len(linear.output.uses()) != 1 or qparams.centre is None:
        return False
    bias = _vector(model, f"{linear.output.name}/bias_with_centre", linear.bias + qparams.centre)
    linear.addition.replace_input_with(linear.bias_index, bias)
    return True


def _float64(value: ir.Value | None) -> NDArray[np.float64]:
    array = array_of(value)
    assert array is not None
    return array.astype(np.float64)


def _vector(model: ir.Model, name: str, array: NDArray[np.floating[Any]]) -> ir.Value:
    return constant(model, name, np.ascontiguousarray(array, dtype=np.float32))
