"""int8 for every CPU and in every company.

*In every company:* activations get scales that are fixed when the model is exported. A scale taken from the running
batch, as in dynamic quantization, would let one text's scores depend on its neighbours and on padding.

*For every CPU:* x86 without VNNI multiplies uint8 by int8 in pairs and adds each pair in 16 bits, which overflow. The
weights are rounded so that no pair can (``rounding.py``).

A fixed scale must fit all tokens, so the channels are first made alike, exactly, in fp32: channels that are far larger
than the rest are split in two (``splitting.py``), and each activation is divided by its channels' usual size, which
the attention or the LayerNorm before it and the weights behind it take up (``absorbing.py``, ``smoothing.py``,
``folding.py``). Weights are then rounded
one row after the other, each making up for the error of those before it (GPTQ, Frantar et al. 2022).
"""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

from fillmask_export.probes import Probe
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.integer import to_integers
from fillmask_export.quantization.preparing import grid_of, prepare
from fillmask_export.quantization.table import quantize_table


def quantize(model: ir.Model, calibration: list[Probe], keep: Collection[str] = ()) -> str:
    """Turn the products of a lean graph with its weights into products of integers, in place.

    Args:
        model: fp32, as ``make_lean`` leaves it.
        calibration: Texts to run it on.
        keep: Names of activations whose products stay in float, such as the first of ``rank``.

    Returns:
        What was done.
    """
    sites, samples, split = prepare(model, calibration)
    weights = 0
    for site in [site for site in sites if site.name not in keep]:
        grid = grid_of(site, samples)
        weights += to_integers(model, site, smooth(model, site, grid), grid, samples[site.name])
    table = quantize_table(model)
    tokens = sum(probe.input_ids.size for probe in calibration)
    kept = f", those of {len(keep)} left in fp32 ({', '.join(keep)})" if keep else ""
    return (
        f"uint8 activations on fixed scales calibrated on {tokens} tokens, int8 weights per channel that cannot "
        f"overflow without VNNI; {weights} products at {len(sites) - len(keep)} activations{kept}, {split} channels "
        f"split; table: {table}"
    )
