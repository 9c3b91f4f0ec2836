"""The acceptance of one variant: it is measured beside its checkpoint, and refused where it is too far from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask import FillMask
from fillmask.runtime.session import Session
from fillmask_export.errors import FidelityError
from fillmask_export.fp16.ranges import find_infinite
from fillmask_export.in_order import THREADS
from fillmask_export.plan import Plan
from fillmask_export.verify.eval_data import EvalData
from fillmask_export.verify.fidelity import Fidelity, count_not_finite, mean_kl_of_others, measure_forward
from fillmask_export.verify.forward import Forward, remembering, session_forward
from fillmask_export.verify.invariance import batch_difference, equal_length_difference, select
from fillmask_export.verify.reference import Expected, Reference

# Largest difference of a score that rounding explains. float16 keeps three digits, and the order of a product's sums,
# which depends on the batch, decides how they round.
_BATCH_TOLERANCE = {"fp16": 5e-3}
_USUAL_BATCH_TOLERANCE = 1e-5


def accept(variant: str, graph: Path, reference: Reference, *, eval_data: EvalData, plan: Plan) -> dict[str, Any]:
    """Measure a variant and check it against the limits.

    Args:
        variant: Its name.
        graph: Its graph.
        reference: The checkpoint's logits.
        eval_data: Texts for verification.
        plan: How far the variant may be from the checkpoint.

    Returns:
        The variant's figures, for the manifest.

    Raises:
        FidelityError: The variant is too far from its checkpoint. Built in another way it may be accepted.
    """
    # NumPy compares logits between runs. With threads that spin meanwhile, both took twice the CPU time.
    session = Session(graph, threads=THREADS, spinning=False)
    probes = eval_data.held_out.probes
    forward = remembering(session_forward(session), [*select(probes), *reference.unmasked.probes])
    fidelity = measure_forward(forward, reference.held_out, f"running {variant}")
    not_finite = count_not_finite(forward, eval_data.random)
    check_fidelity(variant, fidelity, plan, not_finite_on_random=not_finite)
    if variant == "fp16":
        _check_tensors(graph, eval_data)
    long = measure_forward(forward, reference.long, f"running {variant}")
    # Accuracy over so few masks is too noisy to check. Long texts are here for errors that only length causes.
    check_fidelity(variant, long, replace(plan, max_accuracy_loss=1.0), where=" in long texts")
    return {
        "fidelity": asdict(fidelity),
        "random_texts": {"texts": len(eval_data.random), "not_finite": not_finite},
        "long_texts": {"tokens": max(probe.input_ids.size for probe in eval_data.long), **asdict(long)},
        **_measure_unmasked(variant, forward, reference.unmasked, plan),
        **_measure_batches(variant, session, forward, eval_data),
    }


def _measure_unmasked(variant: str, forward: Forward, expected: Expected, plan: Plan) -> dict[str, Any]:
    """Whether a variant may read tokens that are not masked. Where it may not, it is still good at masks."""
    fidelity = measure_forward(forward, expected, f"running {variant}")
    others = mean_kl_of_others(forward, expected)
    try:
        check_fidelity(variant, fidelity, plan)
        check_fidelity(variant, replace(fidelity, mean_kl=others), plan)
    except FidelityError:
        verified = False
    else:
        verified = True
    figures = {"texts": len(expected.probes), **asdict(fidelity), "mean_kl_of_others": others}
    return {"unmasked_texts": figures, "unmasked_verified": verified}


def _measure_batches(variant: str, session: Session, forward: Forward, eval_data: EvalData) -> dict[str, Any]:
    """Whether texts keep their scores in one run: texts of any lengths with padding, and texts of equal length."""
    padded = batch_difference(session, forward, eval_data.held_out.probes, eval_data.pad_token_id)
    equal = equal_length_difference(session, forward, eval_data.held_out.probes, eval_data.long)
    for difference, where in ((padded, "a padded batch"), (equal, "a batch of texts of equal length")):
        if not isfinite(difference):
            raise FidelityError(f"variant {variant} gives NaN or infinity in {where}")
    tolerance = _BATCH_TOLERANCE.get(variant, _USUAL_BATCH_TOLERANCE)
    return {
        "batch_texts": len(select(eval_data.held_out.probes)),
        "batch_tolerance": tolerance,
        "batch_difference": padded,
        "batch_invariant": padded <= tolerance,
        "equal_length_difference": equal,
        "equal_length_invariant": equal <= tolerance,
    }


def check_fidelity(
    variant: str, fidelity: Fidelity, plan: Plan, *, not_finite_on_random: int = 0, where: str = ""
) -> None:
    """Check a variant's figures against the limits.

    Args:
        variant: Its name. fp32 must give the checkpoint's scores; the other variants may differ a little.
        fidelity: The figures.
        plan: Has the limits.
        not_finite_on_random: Number of masks in random tokens at which the variant gave NaN or infinity.
        where: On which texts, for the message.

    Raises:
        FidelityError: The variant is too far from its checkpoint.
    """
    reasons = []
    if fidelity.not_finite:
        reasons.append(f"{fidelity.not_finite} of {fidelity.masks} masks give NaN or infinity")
    if not_finite_on_random:
        reasons.append(f"{not_finite_on_random} masks in random tokens give NaN or infinity")
    if variant == "fp32" and not fidelity.max_score_difference <= plan.max_score_difference:
        reasons.append(_beyond("a score differs by", fidelity.max_score_difference, plan.max_score_difference))
    if variant != "fp32" and not fidelity.mean_kl <= plan.max_kl:
        reasons.append(_beyond("the mean KL divergence is", fidelity.mean_kl, plan.max_kl))
    loss = fidelity.checkpoint_accuracy - fidelity.accuracy
    if variant != "fp32" and not loss <= plan.max_accuracy_loss:
        reasons.append(_beyond("masked-token accuracy falls by", loss, plan.max_accuracy_loss))
    if reasons:
        raise FidelityError(f"variant {variant} is too far from its checkpoint{where}: {'; '.join(reasons)}")


def _beyond(what: str, got: float, allowed: float) -> str:
    digits = next((digits for digits in range(2, 17) if f"{got:.{digits}g}" != f"{allowed:.{digits}g}"), 17)
    return f"{what} {got:.{digits}g}, allowed is {allowed:.{digits}g}"


def _check_tensors(graph: Path, eval_data: EvalData) -> None:
    if infinite := find_infinite(ir.load(graph), eval_data.for_tensors):
        raise FidelityError(
            f"variant fp16 has {len(infinite)} tensors that half precision does not hold, {infinite[0]} for one; give "
            f"--calibration texts like those it is verified on"
        )


def predict_texts(folder: Path, variant: str, texts: Sequence[str]) -> list[dict[str, Any]]:
    """The variant's predictions on this machine, to be compared with its predictions on another machine.

    Args:
        folder: The artifact.
        variant: Which of its variants.
        texts: Texts with one mask each.
    """
    fill_mask = FillMask(folder, variant=variant, providers=["CPUExecutionProvider"])
    stored = []
    for text in texts:
        (best,) = fill_mask.predict(text, truncation="window")
        stored.append({"text": text, "tokens": [p.token for p in best], "scores": [p.score for p in best]})
    return stored
