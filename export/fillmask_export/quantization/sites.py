"""Where activations meet weights: the tensors to quantize, and what they hold on real text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
from numpy.typing import NDArray

from fillmask_export.passes.graph import array_of
from fillmask_export.probes import Probe

_ROWS = 8192  # rows of an activation that are kept; GPTQ needs a few times as many as there are channels


@dataclass(frozen=True, slots=True)
class Linear:
    """A product with constant weights, and the bias behind it. Weights and bias are read off the graph as it is.

    Attributes:
        product: The MatMul.
        addition: The Add of a constant vector to it, if that is all that reads it.
    """

    product: ir.Node
    addition: ir.Node | None

    @property
    def output(self) -> ir.Value:
        """The tensor that holds the result."""
        return (self.addition or self.product).outputs[0]

    @property
    def weight(self) -> NDArray[np.float32]:
        """``float32[K, N]``."""
        return _array(self.product.inputs[1])

    @property
    def bias(self) -> NDArray[np.float32]:
        """``float32[N]``, zeros where there is none."""
        if self.addition is None:
            return np.zeros(self.weight.shape[1], dtype=np.float32)
        return _array(self.addition.inputs[self.bias_index])

    @property
    def bias_index(self) -> int:
        """Which input of the addition the bias is."""
        assert self.addition is not None
        return 1 if self.addition.inputs[0] is self.product.outputs[0] else 0


@dataclass
class Site:
    """An activation and all products that read it.

    Attributes:
        value: The activation.
        linears: The products.
        even: Whether its channels have been made alike at their source, so that no size is left to take out.
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
        """Whether a LayerNormalization with constant weights makes it, which can take up scales and centres."""
        node = self.value.producer()
        return (
            node is not None
            and node.op_type == "LayerNormalization"
            and array_of(node.inputs[1]) is not None
            and _has_constant_bias(node)
        )

    def weights(self) -> NDArray[np.float32]:
        """The weights of all its products side by side, ``float32[K, sum of N]``."""
        return np.concatenate([linear.weight for linear in self.linears], axis=1)


def _has_constant_bias(node: ir.Node) -> bool:
    return len(node.inputs) < 3 or array_of(node.inputs[2]) is not None


@dataclass
class Sample:
    """What an activation held while the calibration texts ran.

    Attributes:
        low: Smallest value of each channel, ``float32[K]``.
        high: Largest value of each channel, ``float32[K]``.
        rows: Some of its rows, ``float32[n, K]``.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    rows: NDArray[np.float32]


Samples = dict[str, Sample]
"""By site."""


def find_sites(model: ir.Model) -> list[Site]:
    """All activations that a MatMul multiplies with constant weights, in the order of the graph."""
    sites: dict[ir.Value, Site] = {}
    for node in model.graph:
        source = node.inputs[0] if _is_product(node) else None
        if source is not None:
            sites.setdefault(source, Site(source, [])).linears.append(_linear_of(node))
    return list(sites.values())


def linear_behind(value: ir.Value | None) -> Linear | None:
    """The product with constant weights that makes a tensor, with or without a bias."""
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
    assert array is not None, f"{value} is no constant"
    return array.astype(np.float32, copy=False)


def collect(model: ir.Model, sites: list[Site], probes: list[Probe]) -> Samples:
    """Run the graph on texts and look at the activations."""
    session = _session_with_outputs(model, [site.name for site in sites])
    taken = {value.name for value in session.get_inputs()}
    rng = np.random.default_rng(0)
    seen: dict[str, list[NDArray[np.float32]]] = {site.name: [] for site in sites}
    lows: dict[str, list[NDArray[np.float32]]] = {site.name: [] for site in sites}
    highs: dict[str, list[NDArray[np.float32]]] = {site.name: [] for site in sites}
    share = -(-_ROWS // len(probes))
    for probe in probes:
        feeds = {name: array for name, array in _feeds(probe).items() if name in taken}
        for name, array in zip(seen, session.run(list(seen), feeds), strict=True):
            rows = array.reshape(-1, array.shape[-1])
            lows[name].append(rows.min(axis=0))
            highs[name].append(rows.max(axis=0))
            seen[name].append(rows[rng.permutation(len(rows))[:share]])
    return {
        name: Sample(np.min(lows[name], axis=0), np.max(highs[name], axis=0), np.concatenate(rows))
        for name, rows in seen.items()
    }


def _session_with_outputs(model: ir.Model, names: list[str]) -> ort.InferenceSession:
    probe = model.clone()
    values = {value.name: value for node in probe.graph for value in node.outputs}
    for name in names:
        values[name].type = ir.TensorType(ir.DataType.FLOAT)
        probe.graph.outputs.append(values[name])
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(ir.to_proto(probe).SerializeToString(), options, providers=["CPUExecutionProvider"])


def _feeds(probe: Probe) -> dict[str, NDArray[np.int64]]:
    ids = probe.input_ids[None]
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "mask_positions": probe.positions[None]}
    return feeds | {"token_type_ids": np.zeros_like(ids)}
