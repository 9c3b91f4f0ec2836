"""Fixed scales without the shipped scheme's additions: from the least to the largest value of a tensor."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from fillmask_export.probes import Probe
from fillmask_export.quantization.activations import Sample, collect
from fillmask_export.quantization.activations import find_activations as find_sites
from fillmask_export.quantization.integer_matmul import to_integers
from fillmask_export.quantization.qparams import QuantParams as Grid
from fillmask_export.quantization.table import quantize_table

_TEXTS = 32  # of ONNX Runtime's calibration, which keeps the logits of all texts


def min_max(model: ir.Model, calibration: list[Probe]) -> None:
    """Quantize a lean graph in place; each weight is rounded by itself."""
    sites = find_sites(model)
    samples = collect(model, sites, calibration)
    for site in sites:
        sample = samples[site.name]
        few = replace(sample, rows=sample.rows[:1])  # too few for rounding in turn
        to_integers(model, site, site.value, grid_of(sample), few)
    quantize_table(model)


def grid_of(sample: Sample) -> Grid:
    """The grid from the least to the largest value of an activation, 0 included."""
    low, high = min(float(sample.low.min()), 0.0), max(float(sample.high.max()), 0.0)
    scale = max(high - low, 1e-12) / 255
    return Grid(None, np.ones(len(sample.low), dtype=np.float32), scale, round(-low / scale))


def by_onnxruntime(source: Path, target: Path, calibration: list[Probe]) -> None:
    """Quantize with ONNX Runtime's ``quantize_static``: products take integers and give integers."""
    with tempfile.TemporaryDirectory(dir=target.parent.parent) as made:
        path = Path(made, "model.onnx")
        quantize_static(
            source,
            path,
            _Texts(calibration[:_TEXTS]),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
        model = ir.load(path)
        quantize_table(model)
        ir.save(model, target, external_data=f"{target.name}_data")


class _Texts(CalibrationDataReader):  # type: ignore[misc]
    """Texts in the form that ONNX Runtime's calibration reads.

    Args:
        probes: The texts.
    """

    def __init__(self, probes: list[Probe]) -> None:
        self._feeds: Iterator[dict[str, NDArray[Any]]] = map(_feeds, probes)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The inputs of the next run; None after the last."""
        return next(self._feeds, None)


def _feeds(probe: Probe) -> dict[str, NDArray[Any]]:
    ids = probe.input_ids[None]
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "mask_positions": probe.positions[None]}
