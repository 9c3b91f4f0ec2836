"""The LM head as one product of integers, by the table that the embeddings read.

QGemm multiplies uint8 activations by int8 weights with one scale a token. Its sums are exact, so a row has the same
bits alone and beside others, and no extra row is needed. No pair of the table's weights overflows without VNNI.

The activations have one fixed scale for all channels: a size of each channel would go into the table, whose rows have
one scale each (MiniLM: mean KL 0.00186 instead of 0.00173). The LayerNorm before the head takes up the centre. Where
there is none, the head stays MatMulNBits, which quantizes its activations during the run.

One scale does not suit every model or every calibration: its steps are coarse where few channels are far larger than
the rest, a value beyond the range of the calibration saturates, and the embeddings read the same rounded table. The
divergence that the table and its head cause alone is therefore measured, on texts that the head was not calibrated on,
beside that of the head on floats. Divergences of small independent errors add up, so integers may cost a tenth of what
an export allows a variant more; above that the head stays MatMulNBits.

QGemm transposes the table while it is loaded, in memory that ONNX Runtime keeps. MiniLM takes 111 MB instead of 101
after a prediction and loads 12 to 23 ms longer; a table of XLM-R's size takes 0.27 s longer, and its transpose has 192
MB. Larger tables therefore stay with MatMulNBits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.passes.graph import array_of, constant, insert, tidy
from fillmask_export.passes.graph import replace as replace_value
from fillmask_export.plan import Plan
from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import Activation, Linear, Sample, collect
from fillmask_export.quantization.extra_row import in_two_dimensions
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.gptq_int8 import Weights
from fillmask_export.quantization.graph_divergence import mean_divergences
from fillmask_export.quantization.integer_matmul import round_weights
from fillmask_export.quantization.qparams import QuantParams, centre_and_size, choose_qparams
from fillmask_export.quantization.table import bias_of, find_lookup, halve_other_tables, look_up, quantize_table

_TOKENS = 16384  # of the table, rounded together; more would take more memory
_LARGEST_TABLE = 2**26  # weights: those of 50,000 tokens and 1024 channels are less, of 120,000 and 768 more
_LARGEST_BIAS = 2**30  # steps of a bias; QGemm adds it in int32
_LARGEST_SHARE = 10  # integers may cost one part in so many of the export's limit, more than a head on floats
_LEFT_OUT = 8  # one text in so many is not calibrated on, and compared instead
_COMPARED = 64  # at most


@dataclass(frozen=True, slots=True)
class IntegerHead:
    """An LM head that can be a product of integers.

    Attributes:
        lookup: The Gather of the word embeddings.
        activation: The head's activation and its product.
        sample: The activation's values on calibration texts, at masks and at tokens that are not masked.
        qparams: Its quantization parameters.
        weights: The table, ``int8[V, K]``, and the scale of each token, ``float32[V]``.
        bias: In steps of the sums, ``float64[V]``.
    """

    lookup: ir.Node
    activation: Activation
    sample: Sample
    qparams: QuantParams
    weights: Weights
    bias: NDArray[np.float64]

    @property
    def table(self) -> NDArray[np.float32]:
        """The embedding table, ``float32[V, K]``."""
        return _table_of(self.lookup)


def prepare_head(model: ir.Model, calibration: list[Probe], max_kl: float = Plan().max_kl) -> IntegerHead | str:
    """Round the LM head and measure what that costs; the graph is not changed.

    Args:
        model: The lean fp32 graph.
        calibration: Calibration texts. They are read without masks too, as scores of whole texts do.
        max_kl: What the export allows a variant. Integers may cost a tenth of it more than floats.

    Returns:
        The head, or why it cannot be a product of integers; an empty reason where it does not read the embedding table.
    """
    found = _find_head(model)
    if isinstance(found, str):
        return found
    step = max(_LEFT_OUT, -(-len(calibration) // _COMPARED))
    left_out = calibration[::step]
    rest = [probe for number, probe in enumerate(calibration) if number % step] or calibration
    head = _round(*found, collect(model, [found[1]], _both(rest))[found[1].name])
    if not np.abs(head.bias).max() < _LARGEST_BIAS:
        return "a bias is too large for integers"
    return _refuse(model, head, left_out, max_kl / _LARGEST_SHARE) or head


def quantize_head(model: ir.Model, head: IntegerHead | str) -> str:
    """Replace the float table of word embeddings, and the LM head that reads it.

    Args:
        model: The graph; its other products may be of integers already.
        head: What ``prepare_head`` returned.

    Returns:
        A description for the manifest: which head was made, and why.
    """
    if isinstance(head, str):
        return quantize_table(model) + (f", which multiplies floats: {head}" if head else "")
    addition, _ = bias_of(head.activation.linears[0].product, len(head.table))
    table = [constant(model, "table", head.weights[0]), constant(model, "table_scale", head.weights[1])]
    halve_other_tables(model)
    look_up(model, head.lookup, [*table, constant(model, "table_zero", np.int8(0))])
    logits = _multiply(model, head, [*table, constant(model, "head/bias", head.bias.astype(np.int32))])
    replace_value(model, (addition or head.activation.linears[0].product).outputs[0], logits)
    tidy(model)
    return "int8 with a scale a token, shared with the LM head, which multiplies integers"


def _find_head(model: ir.Model) -> tuple[ir.Node, Activation] | str:
    lookup = find_lookup(model)
    table = lookup.inputs[0] if lookup is not None else None
    heads = [node for node, _ in table.uses() if node.op_type == "FusedMatMul"] if table is not None else []
    if lookup is None or not heads or array_of(table).dtype != np.float32:  # type: ignore[union-attr]
        return ""
    if len(table.uses()) != 2:  # type: ignore[union-attr]
        return "others read the table too"
    if array_of(table).size > _LARGEST_TABLE:  # type: ignore[union-attr]
        return f"the table has more than {_LARGEST_TABLE:,} weights"
    activation = Activation(heads[0].inputs[0], [Linear(heads[0], None)])  # type: ignore[arg-type]
    return (lookup, activation) if activation.after_layer_norm else "no LayerNorm before it"


def _choose(sample: Sample, table: NDArray[np.float32]) -> QuantParams:
    """One scale for all channels, after the centre is taken out."""
    centre, _ = centre_and_size(sample, centred=True)
    assert centre is not None
    level = Sample(*(array - centre for array in (sample.low, sample.high, sample.rows)))
    lengths = np.sqrt(np.einsum("vk,vk->k", table, table))[:, None]  # stand for all columns of weights
    return replace(choose_qparams(level, lengths, centred=False, even=True), centre=centre)


def _round(lookup: ir.Node, activation: Activation, sample: Sample) -> IntegerHead:
    table = _table_of(lookup)
    qparams = _choose(sample, table)
    assert qparams.centre is not None
    parts, shifts = [], []
    for start in range(0, len(table), _TOKENS):
        tokens = table[start : start + _TOKENS]
        parts.append(round_weights(tokens.T, qparams, sample))
        shifts.append(tokens.astype(np.float64) @ qparams.centre)
    integers = np.concatenate([part[0].T for part in parts])
    scales = np.concatenate([part[1] for part in parts])
    total = np.concatenate(shifts) + _bias_of(activation, table)
    steps = np.round(total / (scales.astype(np.float64) * qparams.scale))
    return IntegerHead(lookup, activation, sample, qparams, (integers, scales), steps)


def _refuse(model: ir.Model, head: IntegerHead, probes: list[Probe], allowed: float) -> str:
    """Compare both heads with fp32; returns why integers cost too much, empty where they do not."""
    floats, integers = model.clone(), model.clone()
    same = _find_head(integers)
    assert not isinstance(same, str)
    quantize_table(floats)
    quantize_head(integers, replace(head, lookup=same[0], activation=same[1]))
    for texts in (probes, [probe.unmasked() for probe in probes]):
        usual, found = mean_divergences(model, (floats, integers), texts)
        if not found - usual <= allowed:
            return f"integers cost a mean KL of {found:.2g} for {usual:.2g}, allowed are {allowed:.2g} more"
    return ""


def _both(probes: list[Probe]) -> list[Probe]:
    return [each for probe in probes for each in (probe, probe.unmasked())]


def _bias_of(activation: Activation, table: NDArray[np.float32]) -> NDArray[np.float32]:
    _, bias = bias_of(activation.linears[0].product, len(table))
    array = array_of(bias)
    return np.zeros(len(table), dtype=np.float32) if array is None else array


def _table_of(lookup: ir.Node) -> NDArray[np.float32]:
    table = array_of(lookup.inputs[0])
    assert table is not None
    return table


def _multiply(model: ir.Model, head: IntegerHead, operands: list[ir.Value]) -> ir.Value:
    integers, scales, bias = operands
    vocabulary, width = head.table.shape
    rows = smooth(model, head.activation, head.qparams)
    scale = constant(model, "head/scale", np.float32(head.qparams.scale))
    zero = constant(model, "head/zero_point", np.uint8(head.qparams.zero_point))
    zeros = constant(model, "head/table_zero", np.zeros(vocabulary, dtype=np.int8))

    def multiply(flat: ir.Value) -> ir.Value:
        quantized = insert(model, "com.microsoft.QuantizeLinear", [flat, scale, zero])
        inputs: list[ir.Value | None] = [quantized, scale, zero, integers, scales, zeros, bias]
        return insert(model, "com.microsoft.QGemm", inputs, transB=1)

    return in_two_dimensions(model, rows, multiply, width=width, columns=vocabulary)
