"""What comes before rounding: look at the activations, and change the graph, exactly, so that fixed scales fit them."""

from __future__ import annotations

import onnx_ir as ir

from fillmask_export.probes import Probe
from fillmask_export.quantization.absorbing import absorb
from fillmask_export.quantization.sites import Samples, Site, collect, find_sites
from fillmask_export.quantization.smoothing import Grid, choose_grid
from fillmask_export.quantization.splitting import split_outliers


def prepare(model: ir.Model, calibration: list[Probe]) -> tuple[list[Site], Samples, int]:
    """Find the activations to quantize and even out their channels, in place.

    Returns:
        The sites in the order of the graph, what they hold on the calibration texts, and how many channels were split.
    """
    sites = find_sites(model)
    samples = collect(model, sites, calibration)
    split = sum(split_outliers(model, site, samples) for site in sites)
    for site in sites:
        absorb(model, site, samples)
    return sites, samples, split


def grid_of(site: Site, samples: Samples) -> Grid:
    """The grid of a prepared site."""
    return choose_grid(samples[site.name], site.weights(), centred=site.after_layer_norm, even=site.even)
