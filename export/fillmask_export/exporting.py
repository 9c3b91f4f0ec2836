"""export(): a checkpoint to a verified artifact, step by step, in a folder that appears whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fillmask.artifact.tokenizer import max_length
from fillmask_export.card import write_card
from fillmask_export.checkpoint import Checkpoint, open_checkpoint
from fillmask_export.convert import convert
from fillmask_export.costs import add_costs
from fillmask_export.errors import ExportError
from fillmask_export.making import Say, make
from fillmask_export.manifest import describe, save_manifest, write_manifest
from fillmask_export.material import gather
from fillmask_export.passes import make_lean
from fillmask_export.tokenizing import round_trip, save_tokenizer
from fillmask_export.variants import USUAL, VARIANTS
from fillmask_export.verify import Plan


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
        out: The folder to make; it must not exist.
        variants: Which of ``"fp32"``, ``"int8"``, ``"fp16"`` (for GPUs) and ``"int4"`` (for large vocabularies).
        revision: Branch, tag or commit of a hub checkpoint; the commit is written down.
        allow_pickle: Read weights from ``pytorch_model.bin``, tensors only.
        plan: What to calibrate and verify on, and how far a variant may be from the checkpoint.
        say: Is told each step.

    Returns:
        The manifest.

    Raises:
        CheckpointError: The checkpoint is refused.
        FidelityError: A variant is too far from it, or the engine reads texts differently.
        ExportError: ``out`` exists, or a variant is unknown.
    """
    out, plan = Path(out), plan or Plan()
    _check(out, variants, plan)
    say(f"loading {checkpoint}")
    loaded = open_checkpoint(checkpoint, revision=revision, allow_pickle=allow_pickle)
    with _appearing(out) as (folder, workspace):
        manifest = _fill(folder, loaded, variants, plan=plan, workspace=workspace, say=say)
        write_card(folder, manifest, _card_of(checkpoint))
    say(f"wrote {out}")
    return manifest


def _fill(
    folder: Path, checkpoint: Checkpoint, variants: Sequence[str], *, plan: Plan, workspace: Path, say: Say
) -> dict[str, Any]:
    """Everything an artifact holds, the card excepted."""
    limit = max_length({"model_max_length": checkpoint.tokenizer.model_max_length}, checkpoint.model.config.to_dict())
    material = gather(checkpoint.tokenizer, plan, limit)
    save_tokenizer(checkpoint, folder)
    read = round_trip(checkpoint.tokenizer, folder)
    say(f"converting {checkpoint.architecture} with optimum")
    model = convert(checkpoint, workspace)
    passes = make_lean(model)
    built = {}
    for variant in variants:
        say(f"building {variant} and running it beside the checkpoint over {material.masks} masks")
        built[variant] = make(variant, model, folder, checkpoint=checkpoint, material=material, plan=plan, say=say)
    verification = {"origin": material.held_out.origin, "masks": material.masks, "tokenizer": read}
    description = describe(checkpoint, limit) | {
        "passes": passes,
        "variants": built,
        "default_variant": "int8" if "int8" in built else variants[0],
        "verification": verification,
    }
    manifest = write_manifest(folder, description)
    if plan.rounds:
        say(f"timing {', '.join(variants)} beside the checkpoint over {plan.rounds} rounds")
        add_costs(manifest, folder, checkpoint, plan.rounds)
        save_manifest(folder, manifest)
    return manifest


@contextmanager
def _appearing(out: Path) -> Iterator[tuple[Path, Path]]:
    """A folder that becomes ``out`` once it is full, and another to work in; both vanish if something fails."""
    home = next(parent for parent in out.absolute().parents if parent.is_dir())
    with tempfile.TemporaryDirectory(dir=home, prefix=f".{out.name}-") as staging:
        folder = Path(staging, "artifact")
        folder.mkdir()
        yield folder, Path(staging)
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(out)


def _check(out: Path, variants: Sequence[str], plan: Plan) -> None:
    if isinstance(variants, str) or not variants or not set(variants) <= set(VARIANTS):
        raise ExportError(f"variants must be a list of some of {', '.join(VARIANTS)}, got {variants!r}")
    if plan.masks < 1:
        raise ExportError(f"masks must be at least 1, got {plan.masks}")
    if plan.rounds < 0:
        raise ExportError(f"rounds must be at least 0, got {plan.rounds}")
    if (file := next((parent for parent in out.absolute().parents if parent.is_file()), None)) is not None:
        raise ExportError(f"{out} cannot be made: {file} is a file")
    if out.exists():
        raise ExportError(f"{out} exists; name a folder that does not, an artifact is never written over another")


def _card_of(checkpoint: str | Path) -> str:
    path = Path(checkpoint, "README.md")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
