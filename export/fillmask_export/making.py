"""Make one variant: build it, try it, and where it falls short leave more of it in float and try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import FidelityError
from fillmask_export.material import Material
from fillmask_export.quantization.sensitivity import rank
from fillmask_export.trial import answer, judge
from fillmask_export.variants import INTEGERS, build
from fillmask_export.verify import Plan

Say = Callable[[str], None]
"""Is told each step."""


def make(
    variant: str,
    model: ir.Model,
    folder: Path,
    *,
    checkpoint: Checkpoint,
    material: Material,
    plan: Plan,
    say: Say,
) -> dict[str, Any]:
    """Write a variant that passes.

    Args:
        variant: One of ``VARIANTS``.
        model: The lean fp32 graph; it stays as it is.
        folder: Where to.
        checkpoint: What it is tried beside.
        material: What to calibrate it on and to try it on.
        plan: How far it may be from the checkpoint.
        say: Is told of each further attempt.

    Returns:
        What it is, what was measured, and its stored answers, for the manifest.

    Raises:
        FidelityError: It is too far from its checkpoint, the sensitive half of it in float or not.
    """
    last: FidelityError | None = None
    kept: list[str] = []
    for kept in attempts(variant, model, material):
        if last is not None:
            say(f"{last}; trying again with the products of {len(kept)} activations in fp32")
        description = build(variant, model, material, folder, kept)
        try:
            description |= judge(variant, folder / description["file"], checkpoint, material=material, plan=plan)
        except FidelityError as error:
            last = error
        else:
            return description | {"answers": answer(folder, variant, material.questions)}
    assert last is not None
    raise FidelityError(f"{last}, the products of {len(kept)} activations left in fp32") if kept else last


def attempts(variant: str, model: ir.Model, material: Material) -> Iterator[list[str]]:
    """What to leave in float: nothing, then twice as many each time of those that suffer most, up to half of all."""
    yield []
    ranking = rank(model, material.typical.probes) if variant in INTEGERS else []
    count = 1
    while count <= len(ranking) // 2:
        yield ranking[:count]
        count *= 2
