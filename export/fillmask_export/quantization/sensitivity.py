"""Which activations integers fit least: where the accuracy gate demands it, their products are left in float."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.probes import Probe
from fillmask_export.quantization.preparing import grid_of, prepare
from fillmask_export.quantization.rounding import round_to_nearest
from fillmask_export.quantization.sites import Sample, Site
from fillmask_export.quantization.smoothing import Grid

_ROWS = 512


def rank(model: ir.Model, calibration: list[Probe]) -> list[str]:
    """Name the activations of a lean graph, those first whose products suffer most from integers.

    Args:
        model: fp32, as ``make_lean`` leaves it; it stays as it is.
        calibration: Texts to run it on.
    """
    model = model.clone()
    sites, samples, _ = prepare(model, calibration)
    errors = {site.name: relative_error(site, grid_of(site, samples), samples[site.name]) for site in sites}
    return sorted(errors, key=errors.__getitem__, reverse=True)


def relative_error(site: Site, grid: Grid, sample: Sample) -> float:
    """The mean square by which integers change an activation's products, as a share of the products' own variance."""
    rows, weight = sample.rows[:_ROWS].astype(np.float64), site.weights().astype(np.float64)
    integers, scale = round_to_nearest(weight * grid.size[:, None])
    centre = 0.0 if grid.centre is None else grid.centre.astype(np.float64)
    exact = (rows - centre) @ weight
    rounded = grid.round(grid.smooth(sample.rows[:_ROWS])).astype(np.float64) @ (integers * scale.astype(np.float64))
    return _mean_square(rounded - exact) / max(_mean_square(exact - exact.mean(axis=0)), 1e-30)


def _mean_square(array: NDArray[np.float64]) -> float:
    return float(np.square(array).mean())
