"""The variants of an artifact: their names, their files, and how each is made of the lean graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask_export.fp16.fp16 import to_fp16
from fillmask_export.passes.long_attention import LEAST, attend_without_mask
from fillmask_export.plan import Plan
from fillmask_export.product_bits import products_keep_bits
from fillmask_export.quantization import quantize
from fillmask_export.quantization.table_int4 import quantize_table_to_4_bits
from fillmask_export.shared_weights import split_shared_initializers
from fillmask_export.verify.eval_data import EvalData

VARIANTS = ("fp32", "int8", "fp16", "int4")
USUAL = ("fp32", "int8")  # the default of ``export``
FILES = {"fp32": "model.onnx", "int8": "model_int8.onnx", "fp16": "model_fp16.onnx", "int4": "model_int4.onnx"}
INTEGERS = ("int8", "int4")
# Largest difference between a stored score and the score on another machine. CPUs round the last digits differently.
# Where that moves an activation to the next integer, or to the next float16 number, a score changes in its third
# digit: by up to 0.013 on aarch64 (docs/int8.md).
_TOLERANCE = {"fp32": 1e-4, "int8": 3e-2, "fp16": 1e-2, "int4": 3e-2}


def write_graph(
    variant: str,
    model: ir.Model,
    eval_data: EvalData,
    folder: Path,
    keep: Sequence[str] = (),
    *,
    max_kl: float = Plan().max_kl,
) -> dict[str, Any]:
    """Write a variant's graph and its weights.

    Args:
        variant: One of ``VARIANTS``.
        model: The lean fp32 graph; it is not changed.
        eval_data: Texts for calibration.
        folder: Receives the files; those of an earlier attempt are replaced.
        keep: Activations whose products stay in float when others are quantized.
        max_kl: What the export allows the variant.

    Returns:
        The names of the files and what was done, for the manifest.
    """
    file = FILES[variant]
    weights = f"{file}_data"
    entry: dict[str, Any] = {"file": file, "tolerance": _TOLERANCE[variant]}
    if variant != "fp32":
        model = model.clone()
        entry["quantization"] = _lower(variant, model, eval_data, keep, max_kl)
        entry["calibration"] = eval_data.calibration.origin
    entry["products_keep_bits"] = products_keep_bits(model)
    if variant in INTEGERS and attend_without_mask(model, eval_data.max_length):  # for CPUs, as integers are
        entry["padded_below"] = LEAST
    (folder / weights).unlink(missing_ok=True)
    ir.save(model, folder / file, external_data=weights)
    if variant != "fp16":  # on a GPU each initializer is a copy of its own
        split_shared_initializers(folder / file)
    return entry | ({"weights": weights} if (folder / weights).exists() else {})


def _lower(variant: str, model: ir.Model, eval_data: EvalData, keep: Sequence[str], max_kl: float) -> str:
    """Lower a graph's precision in place; returns a description for the manifest."""
    probes = eval_data.calibration.probes
    if variant == "fp16":
        return to_fp16(model, eval_data.for_ranges)
    if variant == "int4":
        table = quantize_table_to_4_bits(model, probes)
        return f"table: {table}; {quantize(model, probes, keep, max_kl=max_kl)}"
    return quantize(model, probes, keep, max_kl=max_kl)
