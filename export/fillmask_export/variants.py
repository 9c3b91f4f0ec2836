"""The variants of an artifact: which there are, what their files are called, and how each is made of the lean graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask_export.probes import Probes
from fillmask_export.quantization import quantize

VARIANTS = ("fp32", "int8")
FILES = {"fp32": "model.onnx", "int8": "model_int8.onnx"}
# How far a stored answer may be from the one given elsewhere. Other CPUs round other last digits, and where one of
# them carries an activation over the edge to the next integer, an int8 score moves in its third.
_TOLERANCE = {"fp32": 1e-4, "int8": 1e-2}


def build(variant: str, model: ir.Model, calibration: Probes, folder: Path) -> dict[str, Any]:
    """Write a variant's graph; what it is goes into the manifest."""
    file = FILES[variant]
    weights = f"{file}_data"
    description: dict[str, Any] = {"file": file, "tolerance": _TOLERANCE[variant]}
    if variant == "int8":
        model = model.clone()
        description["quantization"] = quantize(model, calibration.probes)
        description["calibration"] = calibration.origin
    ir.save(model, folder / file, external_data=weights)
    return description | ({"weights": weights} if (folder / weights).exists() else {})
