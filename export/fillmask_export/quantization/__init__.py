"""int8 that is batch-invariant and safe on every CPU.

*Batch-invariant:* the scales of activations are fixed at export. A scale taken from the running batch, as in dynamic
quantization, would make a text's scores depend on the other texts and on padding.

*Safe on every CPU:* x86 without VNNI multiplies uint8 by int8 in pairs and adds each pair in 16 bits, which can
overflow. The weights are rounded so that no pair overflows (``gptq_int8.py``).

A fixed scale must fit all tokens, so the channels are first balanced, exactly, in fp32. Channels far larger than the
rest are split in two (``channel_splitting.py``). Each activation is divided by its channels' sizes, which the attention
or the LayerNorm before it and the weights after it take up (``absorbing.py``, ``qparams.py``, ``folding.py``). Weights
are then rounded with GPTQ (``gptq.py``).
"""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

from fillmask.cli.bar import track
from fillmask_export.plan import Plan
from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import find_activations
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.integer_head import prepare_head, quantize_head
from fillmask_export.quantization.integer_matmul import to_integers
from fillmask_export.quantization.prepare import prepare, qparams_of


def quantize(
    model: ir.Model, calibration: list[Probe], keep: Collection[str] = (), *, max_kl: float = Plan().max_kl
) -> str:
    """Replace the products of a lean graph with constant weights by integer products, in place.

    Args:
        model: The fp32 graph that ``make_lean`` returns.
        calibration: Calibration texts.
        keep: Names of activations whose products stay in float, such as the first names of ``rank``.
        max_kl: What the export allows a variant; it decides whether the LM head multiplies integers.

    Returns:
        A description for the manifest.
    """
    activations, samples, split = prepare(model, calibration)
    unreached = len(find_activations(model)) - len(activations)
    head = prepare_head(model, calibration, max_kl)
    weights = 0
    quantized = [activation for activation in activations if activation.name not in keep]
    for activation in track(quantized, "rounding weights", "activations"):
        qparams = qparams_of(activation, samples)
        weights += to_integers(model, activation, smooth(model, activation, qparams), qparams, samples[activation.name])
    table = quantize_head(model, head)
    tokens = sum(probe.input_ids.size for probe in calibration)
    kept = f", those of {len(keep)} left in fp32 ({', '.join(keep)})" if keep else ""
    kept += f", those of {unreached} that no calibration text reaches left in fp32" if unreached else ""
    return (
        f"uint8 activations on fixed scales calibrated on {tokens} tokens, int8 weights per channel that cannot "
        f"overflow without VNNI; {weights} products at {len(activations) - len(keep)} activations{kept}, {split} "
        f"channels split; table: {table}"
    )
