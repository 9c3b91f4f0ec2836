"""int8 for every CPU and in every company.

*In every company:* activations get scales that are fixed when the model is exported. A scale taken from the running
batch, as in dynamic quantization, would let one text's scores depend on its neighbours and on padding.

*For every CPU:* x86 without VNNI multiplies uint8 by int8 in pairs and adds each pair in 16 bits, which overflow. The
weights are rounded so that no pair can (``rounding.py``).

A fixed scale must fit all tokens, so the channels are first made alike, exactly, in fp32: channels that are far larger
than the rest are split in two (``splitting.py``), and each activation is divided by its channels' usual size, which
the LayerNorm before it or the weights behind it take up (``smoothing.py``, ``folding.py``). Weights are then rounded
one row after the other, each making up for the error of those before it (GPTQ, Frantar et al. 2022).
"""

from __future__ import annotations

import onnx_ir as ir

from fillmask_export.probes import Probe
from fillmask_export.quantization.folding import smooth
from fillmask_export.quantization.integer import to_integers
from fillmask_export.quantization.sites import Samples, collect, find_sites
from fillmask_export.quantization.smoothing import choose_grid
from fillmask_export.quantization.splitting import split_outliers
from fillmask_export.quantization.table import quantize_table


def quantize(model: ir.Model, calibration: list[Probe]) -> str:
    """Turn the products of a lean graph with its weights into products of integers, in place.

    Args:
        model: fp32, as ``make_lean`` leaves it.
        calibration: Texts to run it on.

    Returns:
        What was done.
    """
    sites = find_sites(model)
    samples: Samples = collect(model, sites, calibration)
    split = sum(split_outliers(model, site, samples) for site in sites)
    weights = 0
    for site in sites:
        sample = samples[site.name]
        grid = choose_grid(sample, site.weights(), centred=site.after_layer_norm)
        smoothed = smooth(model, site, grid)
        weights += to_integers(model, site, smoothed, grid, sample)
    table = quantize_table(model)
    tokens = sum(probe.input_ids.size for probe in calibration)
    return (
        f"uint8 activations on fixed scales calibrated on {tokens} tokens, int8 weights per channel that cannot "
        f"overflow without VNNI; {weights} products at {len(sites)} activations, {split} channels split; table: {table}"
    )
