"""Preparation for fixed scales: sample the activations, then balance their channels without changing the result."""

from __future__ import annotations

import onnx_ir as ir

from fillmask_export.probes import Probe
from fillmask_export.quantization.absorbing import absorb
from fillmask_export.quantization.activations import Activation, Samples, collect, find_activations
from fillmask_export.quantization.channel_splitting import split_outliers
from fillmask_export.quantization.qparams import QuantParams, choose_qparams


def prepare(model: ir.Model, calibration: list[Probe]) -> tuple[list[Activation], Samples, int]:
    """Find the activations to quantize and balance their channels, in place.

    Returns:
        The activations that the calibration texts reach, in graph order, their samples, and the number of channels
        split.
    """
    found = find_activations(model)
    samples = collect(model, found, calibration)
    activations = [activation for activation in found if activation.name in samples]
    split = sum(split_outliers(model, activation, samples) for activation in activations)
    for activation in activations:
        absorb(model, activation, samples)
    return activations, samples, split


def qparams_of(activation: Activation, samples: Samples) -> QuantParams:
    """The quantization parameters of a prepared activation."""
    return choose_qparams(
        samples[activation.name], activation.weights(), centred=activation.after_layer_norm, even=activation.even
    )
