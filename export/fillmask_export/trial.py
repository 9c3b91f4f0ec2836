"""The trial of one variant: run beside its checkpoint, on random tokens and in company, it passes or is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask import FillMask
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import FidelityError
from fillmask_export.material import Material
from fillmask_export.ranges import find_infinite
from fillmask_export.verify import (
    Plan,
    batch_difference,
    check_fidelity,
    count_not_finite,
    equal_length_difference,
    verify_graph,
)

# Of a score; a larger difference is not one of rounding. Half precision rounds to three digits, and how depends on the
# order of a product's sums, which depends on the batch.
_BATCH_TOLERANCE = {"fp16": 5e-3}
_USUAL_BATCH_TOLERANCE = 1e-5
_LOOKED_AT = 64  # held-out texts on which every tensor of fp16 is looked at


def judge(variant: str, graph: Path, checkpoint: Checkpoint, *, material: Material, plan: Plan) -> dict[str, Any]:
    """Let a variant pass; what was measured goes into the manifest.

    Raises:
        FidelityError: It is too far from its checkpoint. Built in another way it may be tried again.
    """
    fidelity = verify_graph(graph, checkpoint, material.held_out.probes)
    not_finite = count_not_finite(graph, material.random)
    check_fidelity(variant, fidelity, plan, not_finite_on_random=not_finite)
    if variant == "fp16":
        _check_tensors(graph, material)
    long = verify_graph(graph, checkpoint, material.long)
    # Of so few masks accuracy says little; they are here for what only long texts do to a variant.
    check_fidelity(variant, long, replace(plan, max_accuracy_loss=1.0), where=" in long texts")
    padded = batch_difference(graph, material.held_out.probes, checkpoint.tokenizer.pad_token_id or 0)
    equal = equal_length_difference(graph, material.held_out.probes)
    for difference, where in ((padded, "a padded batch"), (equal, "a batch of texts of equal length")):
        if not isfinite(difference):
            raise FidelityError(f"variant {variant} gives NaN or infinity in {where}")
    tolerance = _BATCH_TOLERANCE.get(variant, _USUAL_BATCH_TOLERANCE)
    return {
        "fidelity": asdict(fidelity),
        "random_texts": {"texts": len(material.random), "not_finite": not_finite},
        "long_texts": {"tokens": max(probe.input_ids.size for probe in material.long), **asdict(long)},
        "batch_difference": padded,
        "batch_invariant": padded <= tolerance,
        "equal_length_difference": equal,
        "equal_length_invariant": equal <= tolerance,
    }


def _check_tensors(graph: Path, material: Material) -> None:
    texts = material.random + material.held_out.probes[:_LOOKED_AT]
    if infinite := find_infinite(ir.load(graph), texts):
        raise FidelityError(
            f"variant fp16 has {len(infinite)} tensors that half precision does not hold, {infinite[0]} for one; give "
            f"--calibration texts like those it is verified on"
        )


def answer(folder: Path, variant: str, questions: Sequence[str]) -> list[dict[str, Any]]:
    """What a variant answers here, to be compared with what it answers where it serves."""
    fill_mask = FillMask(folder, variant=variant, providers=["CPUExecutionProvider"])
    answers = []
    for question in questions:
        (best,) = fill_mask.predict(question, truncation="window")
        answers.append({"text": question, "tokens": [p.token for p in best], "scores": [p.score for p in best]})
    return answers
