"""The variants of an artifact: which there are, what their files are called, and how each is made of the lean graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask_export.halving import halve
from fillmask_export.material import Material
from fillmask_export.quantization import quantize
from fillmask_export.quantization.table4 import quantize_table_to_4_bits
from fillmask_export.sharing import part_readers

VARIANTS = ("fp32", "int8", "fp16", "int4")
USUAL = ("fp32", "int8")  # what is made unless others are asked for
FILES = {"fp32": "model.onnx", "int8": "model_int8.onnx", "fp16": "model_fp16.onnx", "int4": "model_int4.onnx"}
INTEGERS = ("int8", "int4")
# How far a stored answer may be from the one given elsewhere. Other CPUs round other last digits, and where one of
# them carries an activation over the edge to the next integer, or half-precision number, a score moves in its third:
# by up to 0.013 on aarch64 (docs/int8.md).
_TOLERANCE = {"fp32": 1e-4, "int8": 3e-2, "fp16": 1e-2, "int4": 3e-2}
_LOOKED_AT = 64  # calibration texts that fp16's ranges are found on


def build(variant: str, model: ir.Model, material: Material, folder: Path, keep: Sequence[str] = ()) -> dict[str, Any]:
    """Write a variant's graph; what it is goes into the manifest.

    Args:
        variant: One of ``VARIANTS``.
        model: The lean fp32 graph; it stays as it is.
        material: What to calibrate on.
        folder: Where to; what an earlier attempt left there is replaced.
        keep: Activations whose products stay in float where others become products of integers.
    """
    file = FILES[variant]
    weights = f"{file}_data"
    description: dict[str, Any] = {"file": file, "tolerance": _TOLERANCE[variant]}
    if variant != "fp32":
        model = model.clone()
        description["quantization"] = _lower(variant, model, material, keep)
        description["calibration"] = material.typical.origin
    (folder / weights).unlink(missing_ok=True)
    ir.save(model, folder / file, external_data=weights)
    if variant != "fp16":  # a GPU copies the weights, each as often as the graph names it
        part_readers(folder / file)
    return description | ({"weights": weights} if (folder / weights).exists() else {})


def _lower(variant: str, model: ir.Model, material: Material, keep: Sequence[str]) -> str:
    """Lower a graph's precision in place, and say what was done."""
    if variant == "fp16":
        return halve(model, material.typical.probes[:_LOOKED_AT] + material.random)
    if variant == "int4":
        table = quantize_table_to_4_bits(model, material.typical.probes)
        return f"table: {table}; {quantize(model, material.typical.probes, keep)}"
    return quantize(model, material.typical.probes, keep)
