"""A model folder in the engine; only this module knows how to run rows there."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.evaluation.models import Model, hashes
from benchmarks.evaluation.rows import RowEncoder
from fillmask import FillMask
from fillmask.runtime.cpu import available_threads


def open_folder(folder: Path, variant: str = "auto") -> Model:
    """Open a model folder on the CPU, with one run for each core.

    Args:
        folder: As FillMask takes it.
        variant: As FillMask takes it.
    """
    fill_mask = FillMask(folder, variant=variant, providers=["CPUExecutionProvider"], threads=1)
    artifact = fill_mask.artifact
    if not fill_mask.batch_invariant:
        click.echo(f"{fill_mask!r} is not batch-invariant: it runs row by row", err=True)

    return Model(
        name=f"{artifact.folder.name} {fill_mask.variant}",
        files=hashes(artifact.folder.glob(f"{Path(artifact.variants[fill_mask.variant]).with_suffix('')}.*")),
        encoder=RowEncoder(fill_mask.model.tokenizer),
        logits=fill_mask.model.logits,
        batch_size=32 if fill_mask.batch_invariant else 1,
        workers=available_threads(),
    )
