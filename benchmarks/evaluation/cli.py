"""``python -m benchmarks cloze``: evaluate a model folder, checkpoints in PyTorch, or both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.evaluation import estimates, minimal_pairs, running_text, tables, words
from benchmarks.evaluation.archives import LARGE, read_archives, sample
from benchmarks.evaluation.checkpoint import open_checkpoint
from benchmarks.evaluation.engine import open_folder
from benchmarks.evaluation.models import Model
from benchmarks.evaluation.texts import Texts, read_kept
from benchmarks.harness.records import RESULTS, findings
from benchmarks.harness.suite import write_findings
from fillmask.artifact.folder import EMBEDDED

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_TASKS: dict[str, Callable[[Model, Texts], dict[str, Any]]] = {
    "running_text": lambda model, texts: running_text.measure(model, texts.articles),
    "relations": lambda model, texts: words.relations(model, texts.facts),
    "last_words": lambda model, texts: words.last_words(model, texts.passages),
    "minimal_pairs": lambda model, texts: minimal_pairs.measure(model, texts.pairs),
}


@click.command()
@click.option("--model", default=EMBEDDED, type=_FOLDER, help="A model folder instead of the embedded model.")
@click.option("--variant", default="auto", show_default=True, help="Variant of the model folder.")
@click.option("--checkpoint", "checkpoints", type=_FOLDER, multiple=True, help="Evaluate this in PyTorch too; repeats.")
@click.option("--engine/--no-engine", default=True, help="Evaluate the model folder, or the checkpoints only.")
@click.option("--task", "tasks", type=click.Choice(list(_TASKS)), multiple=True, help="Only this task; repeats.")
@click.option("--data", type=_FOLDER, help="Archives of the data sets, instead of benchmarks/evaluation/data.")
@click.option("--out", type=_FILE, default=RESULTS / "cloze.json", help="The record to write.")
@click.option("--card", type=_FILE, help="A model card to put the tables into.")
@click.option("--details", is_flag=True, help="Print each relation and each paradigm too.")
def command(out: Path, card: Path | None, details: bool, **options: Any) -> None:  # noqa: ANN401 -- click's options
    """Measure what a model knows of English: running text, relations, last words, minimal pairs."""
    if not (options["engine"] or options["checkpoints"]):
        raise click.UsageError("--no-engine leaves no model; name a --checkpoint")
    if card and options["tasks"]:
        raise click.UsageError("--card needs every task; leave out --task")
    write_findings("cloze", "make cloze", measure(**options), out)
    record = findings(out)
    click.echo(f"{tables.overview(record)}\n{tables.details(record) if details else ''}\n{out}")
    if card:
        tables.write_card(card, record)
        click.echo(card)


def measure(
    model: Path, variant: str, *, checkpoints: Sequence[Path], engine: bool, tasks: Sequence[str], data: Path | None
) -> dict[str, Any]:
    """Evaluate each model on each task.

    Returns:
        The record; its estimates are lists of value, low and high end of the 95 % interval, and n.
    """
    texts = sample(read_archives(data), LARGE) if data else read_kept()
    opened: list[Callable[[], Model]] = [partial(open_folder, model, variant)] if engine else []
    opened += [partial(open_checkpoint, folder) for folder in checkpoints]
    return {
        "texts": "archives" if data else "kept",
        "subjects": [_evaluate(each(), texts, tasks or list(_TASKS)) for each in opened],
    }


def _evaluate(model: Model, texts: Texts, tasks: Sequence[str]) -> dict[str, Any]:
    start = time.monotonic()
    found = {name: estimates.rounded(_TASKS[name](model, texts)) for name in tasks}
    return {"name": model.name, "files": model.files, "seconds": round(time.monotonic() - start), "found": found}
