"""Rank activations by the error of their integer products, to keep the worst in float where the limits demand it."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import Activation, Sample
from fillmask_export.quantization.gptq_int8 import round_to_nearest
from fillmask_export.quantization.prepare import prepare, qparams_of
from fillmask_export.quantization.qparams import QuantParams

_ROWS = 512


def rank(model: ir.Model, calibration: list[Probe]) -> list[str]:
    """The names of a lean graph's activations, the largest relative error first.

    Args:
        model: The fp32 graph that ``make_lean`` returns; it is not changed.
        calibration: Calibration texts.
    """
    model = model.clone()
    activations, samples, _ = prepare(model, calibration)
    errors = {
        activation.name: relative_error(activation, qparams_of(activation, samples), samples[activation.name])
        for activation in activations
    }
    return sorted(errors, key=errors.__getitem__, reverse=True)


def relative_error(activation: Activation, qparams: QuantParams, sample: Sample) -> float:
    """The mean squared error of an activation's integer products, divided by the products' own variance."""
    rows, weight = sample.rows[:_ROWS].astype(np.float64), activation.weights().astype(np.float64)
    integers, scale = round_to_nearest(weight * qparams.size[:, None])
    centre = 0.0 if qparams.centre is None else qparams.centre.astype(np.float64)
    exact = (rows - centre) @ weight
    rounded = qparams.round(qparams.smooth(sample.rows[:_ROWS])).astype(np.float64) @ (
        integers * scale.astype(np.float64)
    )
    return _mean_square(rounded - exact) / max(_mean_square(exact - exact.mean(axis=0)), 1e-30)


def _mean_square(array: NDArray[np.float64]) -> float:
    return float(np.square(array).mean())
