"""export(): a checkpoint to a verified artifact, step by step, in a folder that appears whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fillmask import FillMask
from fillmask.tokenization import max_length
from fillmask_export.card import write_card
from fillmask_export.checkpoint import Checkpoint, open_checkpoint
from fillmask_export.convert import convert
from fillmask_export.errors import ExportError
from fillmask_export.manifest import write_manifest
from fillmask_export.passes import make_lean
from fillmask_export.probes import Probes, make_probes, make_questions
from fillmask_export.variants import FILES, VARIANTS, build
from fillmask_export.verify import Plan, batch_difference, check_fidelity, verify_graph

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_BATCH_TOLERANCE = 1e-5  # of a score; a larger difference is not one of rounding

Say = Callable[[str], None]


def export(
    checkpoint: str | Path,
    out: str | Path,
    variants: Sequence[str] = VARIANTS,
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
        variants: Which of ``"fp32"`` and ``"int8"``.
        revision: Branch, tag or commit of a hub checkpoint; the commit is written down.
        allow_pickle: Read weights from ``pytorch_model.bin``, tensors only.
        plan: What to calibrate and verify on, and how far a variant may be from the checkpoint.
        say: Is told each step.

    Returns:
        The manifest.

    Raises:
        CheckpointError: The checkpoint is refused.
        FidelityError: A variant is too far from it.
        ExportError: ``out`` exists, or a variant is unknown.
    """
    out, plan = Path(out), plan or Plan()
    _check(out, variants, plan)
    say(f"loading {checkpoint}")
    loaded = open_checkpoint(checkpoint, revision=revision, allow_pickle=allow_pickle)
    limit = max_length({"model_max_length": loaded.tokenizer.model_max_length}, loaded.model.config.to_dict())
    probes = make_probes(loaded.tokenizer, plan.texts, plan.masks, limit)
    home = next(parent for parent in out.absolute().parents if parent.is_dir())
    with tempfile.TemporaryDirectory(dir=home, prefix=f".{out.name}-") as staging:
        folder = Path(staging, "artifact")
        folder.mkdir()
        _save_tokenizer(loaded, folder)
        say(f"converting {loaded.architecture} with optimum")
        model = convert(loaded, Path(staging))
        passes = make_lean(model)
        typical = make_probes(loaded.tokenizer, plan.calibration, 0, limit)
        built = {}
        for variant in variants:
            say(f"building {variant} and running it beside the checkpoint over {plan.masks} masks")
            built[variant] = build(variant, model, typical, folder)
            built[variant] |= _verify(variant, folder, loaded, probes=probes, plan=plan)
        questions = make_questions(loaded.tokenizer, plan.texts)
        for variant, description in built.items():
            description["answers"] = _answer(folder, variant, questions)
        description = _describe(loaded, limit) | {
            "passes": passes,
            "variants": built,
            "default_variant": "int8" if "int8" in built else variants[0],
            "verification": {"origin": probes.origin, "masks": sum(probe.labels.size for probe in probes.probes)},
        }
        manifest = write_manifest(folder, description)
        write_card(folder, manifest, _card_of(checkpoint))
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(out)
    say(f"wrote {out}")
    return manifest


def _check(out: Path, variants: Sequence[str], plan: Plan) -> None:
    if isinstance(variants, str) or not variants or not set(variants) <= set(VARIANTS):
        raise ExportError(f"variants must be a list of some of {', '.join(VARIANTS)}, got {variants!r}")
    if plan.masks < 1:
        raise ExportError(f"masks must be at least 1, got {plan.masks}")
    if (file := next((parent for parent in out.absolute().parents if parent.is_file()), None)) is not None:
        raise ExportError(f"{out} cannot be made: {file} is a file")
    if out.exists():
        raise ExportError(f"{out} exists; name a folder that does not, an artifact is never written over another")


def _save_tokenizer(checkpoint: Checkpoint, folder: Path) -> None:
    checkpoint.tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        if path.name not in _TOKENIZER_FILES:
            path.unlink()
    checkpoint.model.config.save_pretrained(folder)


def _verify(variant: str, folder: Path, checkpoint: Checkpoint, *, probes: Probes, plan: Plan) -> dict[str, Any]:
    """Let a variant pass or raise; what was measured goes into the manifest."""
    path = folder / FILES[variant]
    fidelity = verify_graph(path, checkpoint, probes.probes)
    check_fidelity(variant, fidelity, plan)
    difference = batch_difference(path, probes.probes)
    return {
        "fidelity": asdict(fidelity),
        "batch_difference": difference,
        "batch_invariant": difference <= _BATCH_TOLERANCE,
    }


def _answer(folder: Path, variant: str, questions: Sequence[str]) -> list[dict[str, Any]]:
    """What a variant answers here, to be compared with what it answers where it serves."""
    fill_mask = FillMask(folder, variant=variant)
    answers = []
    for question in questions:
        (best,) = fill_mask.predict(question, truncation="window")
        answers.append({"text": question, "tokens": [p.token for p in best], "scores": [p.score for p in best]})
    return answers


def _describe(checkpoint: Checkpoint, limit: int) -> dict[str, Any]:
    return {
        "source": {"checkpoint": checkpoint.source, "revision": checkpoint.revision},
        "architecture": checkpoint.architecture,
        "mask_token": checkpoint.tokenizer.mask_token,
        "mask_token_id": checkpoint.tokenizer.mask_token_id,
        "vocab_size": checkpoint.model.config.vocab_size,
        "max_length": limit,
        "graph": {
            "inputs": ["input_ids int64[b, s]", "attention_mask int64[b, s]", "mask_positions int64[b, m]"],
            "outputs": ["logits float32[b, m, V]"],
        },
    }


def _card_of(checkpoint: str | Path) -> str:
    path = Path(checkpoint, "README.md")
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
