"""How much English a masked LM knows: ``python -m benchmarks.suites.cloze``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.cloze import estimates, minimal_pairs, running_text, tables, words
from benchmarks.cloze.material import Material, read_archives, read_kept
from benchmarks.cloze.sampling import LARGE, sample
from benchmarks.cloze.subjects import Checkpoint, Engine, Subject
from benchmarks.harness.records import RESULTS, findings
from benchmarks.harness.suite import write_findings
from fillmask.artifact.folder import EMBEDDED

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_TASKS: dict[str, Callable[[Subject, Material], dict[str, Any]]] = {
    "running_text": lambda subject, texts: running_text.measure(subject, texts.articles),
    "relations": lambda subject, texts: words.relations(subject, texts.facts),
    "last_words": lambda subject, texts: words.last_words(subject, texts.passages),
    "minimal_pairs": lambda subject, texts: minimal_pairs.measure(subject, texts.pairs),
}


@click.command()
@click.option("--model", default=EMBEDDED, type=_FOLDER, help="A model folder instead of the embedded model.")
@click.option("--variant", default="auto", show_default=True, help="Which of its variants.")
@click.option("--checkpoint", "checkpoints", type=_FOLDER, multiple=True, help="Ask this checkpoint in PyTorch too.")
@click.option("--engine/--no-engine", default=True, help="Ask the model folder, or the checkpoints only.")
@click.option("--task", "tasks", type=click.Choice(list(_TASKS)), multiple=True, help="Only this; may be given again.")
@click.option("--data", type=_FOLDER, help="Archives of the data sets, instead of the texts in benchmarks/cloze/data.")
@click.option("--out", type=_FILE, default=RESULTS / "cloze.json", help="Where the numbers go.")
@click.option("--card", type=_FILE, help="A model card to put the tables into.")
@click.option("--details", is_flag=True, help="Print each relation and each paradigm too.")
def command(out: Path, card: Path | None, details: bool, **options: Any) -> None:  # noqa: ANN401 -- click's options
    """Ask for words of running text, objects of relations, last words, and which of two sentences is English."""
    if not (options["engine"] or options["checkpoints"]):
        raise click.UsageError("--no-engine leaves nobody to ask; name a --checkpoint")
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
    """Ask each subject everything.

    Returns:
        What is written as JSON; estimates are lists of value, low and high end of the 95 % interval, and n.
    """
    texts = sample(read_archives(data), LARGE) if data else read_kept()
    makers: list[Callable[[], Subject]] = [partial(Engine, model, variant)] if engine else []
    makers += [partial(Checkpoint, folder) for folder in checkpoints]
    return {
        "texts": "archives" if data else "kept",
        "subjects": [_ask(make(), texts, tasks or list(_TASKS)) for make in makers],
    }


def _ask(subject: Subject, texts: Material, tasks: Sequence[str]) -> dict[str, Any]:
    start = time.monotonic()
    found = {name: estimates.rounded(_TASKS[name](subject, texts)) for name in tasks}
    return {"name": subject.name, "files": subject.files, "seconds": round(time.monotonic() - start), "found": found}


if __name__ == "__main__":
    command()
