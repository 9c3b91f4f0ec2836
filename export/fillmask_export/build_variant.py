"""Build one variant and accept it; where int8 or int4 is refused, keep more of it in float and try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask_export.errors import FidelityError
from fillmask_export.plan import Plan
from fillmask_export.quantization.sensitivity import rank
from fillmask_export.variants import INTEGERS, write_graph
from fillmask_export.verify.acceptance import accept, predict_texts
from fillmask_export.verify.eval_data import EvalData
from fillmask_export.verify.reference import Reference

Say = Callable[[str], None]
"""Receives a line of progress."""


def build_variant(
    variant: str,
    model: ir.Model,
    folder: Path,
    *,
    reference: Reference,
    eval_data: EvalData,
    plan: Plan,
    say: Say,
) -> dict[str, Any]:
    """Write a variant that keeps the limits.

    Args:
        variant: One of ``VARIANTS``.
        model: The lean fp32 graph; it is not changed.
        folder: Receives the graph and its weights.
        reference: The checkpoint's logits, which the variant is compared with.
        eval_data: Texts for calibration and verification.
        plan: How far the variant may be from the checkpoint.
        say: Receives a line before each further attempt.

    Returns:
        The variant's entry in the manifest: files, figures and stored predictions.

    Raises:
        FidelityError: The variant exceeds the limits, for int8 and int4 even with half of the activations in float.
    """
    last: FidelityError | None = None
    for kept in attempts(variant, model, eval_data):
        if last is not None:
            say(f"{last}; trying again with the products of {len(kept)} activations in fp32")
        entry = write_graph(variant, model, eval_data, folder, kept, max_kl=plan.max_kl)
        try:
            entry |= accept(variant, folder / entry["file"], reference, eval_data=eval_data, plan=plan)
        except FidelityError as error:
            last = error.with_traceback(None)  # it would keep the session and its logits during the next attempt
        else:
            return entry | {"expected": predict_texts(folder, variant, eval_data.masked_texts)}
    assert last is not None
    raise FidelityError(f"{last}, the products of {len(kept)} activations left in fp32") if kept else last


def attempts(variant: str, model: ir.Model, eval_data: EvalData) -> Iterator[list[str]]:
    """Activations to keep in float: none, then the 1, 2, 4, … most sensitive ones, up to half of all."""
    yield []
    ranking = rank(model, eval_data.calibration.probes) if variant in INTEGERS else []
    count = 1
    while count <= len(ranking) // 2:
        yield ranking[:count]
        count *= 2
