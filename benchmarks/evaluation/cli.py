"""``python -m benchmarks cloze``: what a model folder knows of English."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.evaluation import tables
from benchmarks.evaluation.estimates import rounded
from benchmarks.evaluation.running_text import running_text
from benchmarks.evaluation.texts import read_articles, read_facts, read_pairs, read_passages
from benchmarks.evaluation.words import METHODS, last_words, minimal_pairs, relations
from benchmarks.harness.records import RESULTS, findings
from benchmarks.harness.suite import write_findings
from fillmask import FillMask
from fillmask.artifact.folder import EMBEDDED

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--model", default=EMBEDDED, type=_FOLDER, help="A model folder instead of the embedded model.")
@click.option("--variant", default="auto", show_default=True, help="Variant of the model folder.")
@click.option("--out", type=_FILE, default=RESULTS / "cloze.json", help="The record to write.")
@click.option("--card", type=_FILE, help="A model card to put the tables into.")
def command(model: Path, variant: str, out: Path, card: Path | None) -> None:
    """Measure what a model knows of English: running text, relations, last words, minimal pairs."""
    fill_mask = FillMask(model, variant=variant, providers=["CPUExecutionProvider"], threads=1)
    write_findings("cloze", "make cloze", {"texts": "kept", "subjects": [evaluate(fill_mask)]}, out)
    record = findings(out)
    click.echo(f"{tables.overview(record)}\n\n{out}")
    if card:
        tables.write_card(card, record)
        click.echo(card)


def evaluate(fill_mask: FillMask) -> dict[str, Any]:
    """Evaluate a model on each task.

    Returns:
        Its name, the SHA-256 of its files, the seconds, and what was found; estimates are lists of value, low and high
        end of the 95 % interval, and n.
    """
    start = time.monotonic()
    found = {
        "running_text": running_text(fill_mask, read_articles()),
        "relations": relations(fill_mask, read_facts()),
        "last_words": last_words(fill_mask, read_passages()),
        "minimal_pairs": {method: minimal_pairs(fill_mask, read_pairs(), method) for method in METHODS},
    }
    folder, variant = fill_mask.artifact.folder, fill_mask.variant
    paths = sorted(folder.glob(f"{Path(fill_mask.artifact.variants[variant]).with_suffix('')}.*"))
    return {
        "name": f"{folder.name} {variant}",
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
        "seconds": round(time.monotonic() - start),
        "found": rounded(found),
    }
