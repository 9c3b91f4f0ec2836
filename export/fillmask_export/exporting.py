"""export(): a checkpoint to a verified artifact, in a folder that appears complete or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx_ir as ir

from fillmask.artifact.tokenizer import max_length
from fillmask_export.build_variant import Say, build_variant
from fillmask_export.card import write_card
from fillmask_export.checkpoint import Checkpoint, open_checkpoint
from fillmask_export.checkpoint_files import read_card
from fillmask_export.errors import ExportError
from fillmask_export.manifest import describe, save_manifest, write_manifest
from fillmask_export.passes import make_lean
from fillmask_export.plan import Plan
from fillmask_export.staging import check_out, staging
from fillmask_export.tokenizer_files import write_tokenizer
from fillmask_export.tracing import find_tracer, trace
from fillmask_export.variants import USUAL, VARIANTS, write_graph
from fillmask_export.verify.eval_data import EvalData, load_eval_data
from fillmask_export.verify.likelihoods import add_likelihoods
from fillmask_export.verify.profiling import add_profile
from fillmask_export.verify.reference import run_checkpoint


def export(
    checkpoint: str | Path,
    out: str | Path,
    variants: Sequence[str] = USUAL,
    *,
    revision: str | None = None,
    allow_pickle: bool = False,
    plan: Plan | None = None,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Export a masked-LM checkpoint to an artifact that ``FillMask(out)`` opens.

    Args:
        checkpoint: A transformers checkpoint: a folder or a hub id.
        out: The folder to create; it must not exist.
        variants: Any of ``"fp32"``, ``"int8"``, ``"fp16"`` (for GPUs) and ``"int4"`` (for large vocabularies).
        revision: Branch, tag or commit of a hub checkpoint; the manifest records the commit.
        allow_pickle: Read weights from ``pytorch_model.bin``, tensors only.
        plan: Texts, limits and timing.
        say: Receives a line before each step.

    Returns:
        The manifest.

    Raises:
        CheckpointError: The checkpoint is refused.
        FidelityError: A variant is too far from the checkpoint, or the engine tokenizes texts differently.
        ExportError: ``out`` exists, another process exports to it, or a variant is unknown.
    """
    out, plan = Path(out), plan or Plan()
    _check(out, variants, plan)
    with staging(out) as (folder, workspace):
        say(f"loading {checkpoint}")
        loaded = open_checkpoint(checkpoint, revision=revision, allow_pickle=allow_pickle)
        card = read_card(checkpoint, loaded.revision)
        manifest = _fill(folder, loaded, variants, plan=plan, workspace=workspace, say=say)
        write_card(folder, manifest, card)
    say(f"wrote {out}")
    return manifest


def _fill(
    folder: Path, checkpoint: Checkpoint, variants: Sequence[str], *, plan: Plan, workspace: Path, say: Say
) -> dict[str, Any]:
    """Write everything but the model card; returns the manifest."""
    limit = max_length({"model_max_length": checkpoint.tokenizer.model_max_length}, checkpoint.model.config.to_dict())
    eval_data = load_eval_data(checkpoint.tokenizer, plan, limit)
    tokenizer = write_tokenizer(checkpoint, folder)
    say(f"converting {checkpoint.architecture} with {find_tracer()}")
    model = trace(checkpoint, workspace)
    passes = make_lean(model)
    say(f"running the checkpoint over {eval_data.masks} masks of {len(eval_data.held_out.probes)} texts")
    reference = run_checkpoint(checkpoint, eval_data, workspace)
    entries = {}
    for variant in variants:
        say(f"building {variant} and comparing it with the checkpoint")
        entries[variant] = build_variant(
            variant, model, folder, reference=reference, eval_data=eval_data, plan=plan, say=say
        )
    if set(variants) != {"fp32"}:
        say(f"scoring {len(eval_data.sentences.texts)} texts with each variant beside fp32")
        fp32 = folder / entries["fp32"]["file"] if "fp32" in entries else _write_fp32(model, eval_data, workspace)
        add_likelihoods(entries, fp32, folder, tokenizer=checkpoint.tokenizer, eval_data=eval_data)
    verification = {
        "origin": eval_data.held_out.origin,
        "masks": eval_data.masks,
        "pairs": eval_data.sentences.pairs_origin,
        "tokenizer": tokenizer,
    }
    description = describe(checkpoint, limit) | {
        "passes": passes,
        "variants": entries,
        "default_variant": "int8" if "int8" in entries else variants[0],
        "verification": verification,
    }
    manifest = write_manifest(folder, description)
    if plan.rounds:
        say(f"timing {', '.join(variants)} beside the checkpoint over {plan.rounds} rounds")
        add_profile(manifest, folder, checkpoint, plan.rounds)
        save_manifest(folder, manifest)
    return manifest


def _write_fp32(model: ir.Model, eval_data: EvalData, workspace: Path) -> Path:
    """Write the fp32 graph that other variants are compared with, for an artifact that has none."""
    folder = workspace / "fp32"
    folder.mkdir()
    return folder / str(write_graph("fp32", model, eval_data, folder)["file"])


def _check(out: Path, variants: Sequence[str], plan: Plan) -> None:
    if isinstance(variants, str) or not variants or not set(variants) <= set(VARIANTS):
        raise ExportError(f"variants must be a list of some of {', '.join(VARIANTS)}, got {variants!r}")
    if plan.masks < 1:
        raise ExportError(f"masks must be at least 1, got {plan.masks}")
    if plan.rounds < 0:
        raise ExportError(f"rounds must be at least 0, got {plan.rounds}")
    check_out(out)
