"""The activations to quantize: tensors that are multiplied by constant weights, and their values on real text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask.cli.bar import track
from fillmask_export.in_order import THREADS, map_in_order
from fillmask_export.passes.graph import array_of
from fillmask_export.probes import Probe
from fillmask_export.tensor_outputs import open_tensors

_ROWS = 8192  # kept rows of an activation; GPTQ needs a few times as many as there are channels


@dataclass(frozen=True, slots=True)
class Linear:
    """A product with constant weights, and its bias. Weights and bias are read from the graph at each access.

    Attributes:
        product: The MatMul.
        addition: The Add of a constant vector, if it is the only reader of the product.
    """

    product: ir.Node
    addition: ir.Node | None

    @property
    def output(self) -> ir.Value:
        """The result, with the bias added."""
        return (self.addition or self.product).outputs[0]

    @property
    def weight(self) -> NDArray[np.float32]:
        """``float32[K, N]``."""
        return _array(self.product.inputs[1])

    @property
    def bias(self) -> NDArray[np.float32]:
        """``float32[N]``; zeros where there is no bias."""
        if self.addition is None:
            return np.zeros(self.weight.shape[1], dtype=np.float32)
        return _array(self.addition.inputs[self.bias_index])

    @property
    def bias_index(self) -> int:
        """The index of the bias among the inputs of the addition."""
        assert self.addition is not None
        return 1 if self.addition.inputs[0] is self.product.outputs[0] else 0


@dataclass
class Activation:
    """An activation and all products that read it.

    Attributes:
        value: The tensor.
        linears: The products.
        even: Whether its channels are balanced at their source, so that neither centre nor size is left to take out.
    """

    value: ir.Value
    linears: list[Linear]
    even: bool = False

    @property
    def name(self) -> str:
        """The activation's name."""
        return str(self.value.name)

    @property
    def after_layer_norm(self) -> bool:
        """Whether a LayerNormalization with constant weights computes it, which can take up sizes and centres."""
        node = self.value.producer()
        return (
            node is not None
            and node.op_type == "LayerNormalization"
            and array_of(node.inputs[1]) is not None
            and _has_constant_bias(node)
        )

    def weights(self) -> NDArray[np.float32]:
        """The weights of all its products, concatenated: ``float32[K, sum of N]``."""
        return np.concatenate([linear.weight for linear in self.linears], axis=1)


def _has_constant_bias(node: ir.Node) -> bool:
    return len(node.inputs) < 3 or array_of(node.inputs[2]) is not None


@dataclass
class Sample:
    """The values of an activation on the calibration texts.

    Attributes:
        low: Minimum of each channel, ``float32[K]``.
        high: Maximum of each channel, ``float32[K]``.
        rows: Some of its rows, ``float32[n, K]``.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    rows: NDArray[np.float32]


Samples = dict[str, Sample]
"""Samples by activation name."""


def find_activations(model: ir.Model) -> list[Activation]:
    """All tensors that a MatMul multiplies by constant weights, in graph order."""
    activations: dict[ir.Value, Activation] = {}
    for node in model.graph:
        source = node.inputs[0] if _is_product(node) else None
        if source is not None:
            activations.setdefault(source, Activation(source, [])).linears.append(_linear_of(node))
    return list(activations.values())


def linear_behind(value: ir.Value | None) -> Linear | None:
    """The product with constant weights that computes a tensor, with or without a bias."""
    node = value.producer() if value is not None else None
    if node is not None and node.op_type == "Add":
        node = next((made for made in (value.producer() for value in node.inputs if value is not None) if made), None)
    if node is None or not _is_product(node):
        return None
    linear = _linear_of(node)
    return linear if linear.output is value else None


def _is_product(node: ir.Node) -> bool:
    weight = array_of(node.inputs[1]) if node.op_type == "MatMul" else None
    return weight is not None and weight.ndim == 2 and array_of(node.inputs[0]) is None


def _linear_of(node: ir.Node) -> Linear:
    users = [user for user, _ in node.outputs[0].uses()]
    if len(users) == 1 and users[0].op_type == "Add":
        linear = Linear(node, users[0])
        bias = array_of(users[0].inputs[linear.bias_index])
        if bias is not None and bias.shape == linear.weight.shape[1:]:
            return linear
    return Linear(node, None)


def _array(value: ir.Value | None) -> NDArray[np.float32]:
    array = array_of(value)
    assert array is not None, f"{value} is not a constant"
    return array.astype(np.float32, copy=False)


def collect(model: ir.Model, activations: list[Activation], probes: list[Probe]) -> Samples:
    """Run the graph on texts and sample the activations that have rows, as an adapter of another language has not."""
    names = [activation.name for activation in activations]
    rng = np.random.default_rng(0)
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    lows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    highs: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    share = -(-_ROWS // len(probes))
    with open_tensors(model, names, threads=THREADS) as session:
        inputs = [value.name for value in session.get_inputs()]

        def run(probe: Probe) -> list[NDArray[np.float32]]:
            return session.run(names, probe.feeds(inputs))  # type: ignore[no-any-return]

        for arrays in map_in_order(run, track(probes, "calibrating")):
            for name, array in zip(names, arrays, strict=True):
                rows = array.reshape(-1, array.shape[-1])
                if not len(rows):
                    continue
                lows[name].append(rows.min(axis=0))
                highs[name].append(rows.max(axis=0))
                seen[name].append(rows[rng.permutation(len(rows))[:share]])
    return {
        name: Sample(np.min(lows[name], axis=0), np.max(highs[name], axis=0), np.concatenate(rows))
        for name, rows in seen.items()
        if rows
    }
