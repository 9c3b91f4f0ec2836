"""A model folder in the engine; only this module knows how to run rows there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.models import Model, hashes
from benchmarks.evaluation.rows import Row, RowEncoder
from fillmask import FillMask, answering
from fillmask.artifact.tokenizer import open_tokenizer
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

    def logits(rows: Sequence[Row]) -> NDArray[np.float32]:
        return fill_mask.answerer.forward([answering.Row(row.input_ids, row.positions, False) for row in rows]).logits

    return Model(
        name=f"{artifact.folder.name} {fill_mask.variant}",
        files=hashes(artifact.folder.glob(f"{Path(artifact.variants[fill_mask.variant]).with_suffix('')}.*")),
        encoder=RowEncoder(open_tokenizer(artifact)),
        logits=logits,
        batch_size=32 if fill_mask.batch_invariant else 1,
        workers=available_threads(),
    )
