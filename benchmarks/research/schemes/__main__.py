"""``python -m benchmarks.research.schemes --checkpoint FOLDER --calibration FILE --texts FILE``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.suite import write_findings
from benchmarks.research.schemes import tables
from benchmarks.research.schemes.fidelity import measure_fidelity
from benchmarks.research.schemes.graphs import write_graphs
from benchmarks.research.schemes.models import ANTIBERTY, RANDOM, Model, antiberty, from_checkpoint, xlm_r_sized
from benchmarks.research.schemes.times import time_schemes

_STEPS = ("graphs", "fidelity", "times")
_CHECKPOINT = "checkpoint"
_FILE = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--checkpoint", type=_FILE, help="A trained masked LM, the first of three models.")
@click.option("--calibration", type=_FILE, help="Texts of its language for the fixed scales, one a line.")
@click.option("--texts", type=_FILE, help="Other texts, to measure fidelity on.")
@click.option("--model", "models", multiple=True, type=click.Choice([_CHECKPOINT, ANTIBERTY, RANDOM]),
              default=(_CHECKPOINT, ANTIBERTY, RANDOM), help="Only this model; repeats.")  # fmt: skip
@click.option("--step", "steps", multiple=True, type=click.Choice(_STEPS), default=_STEPS, help="Only this; repeats.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/schemes"), show_default=True,
              help="Keeps graphs and results from one step to the next.")  # fmt: skip
@click.option("--rounds", default=31, show_default=True, help="Timed runs of each scheme.")
def main(models: Sequence[str], steps: Sequence[str], folder: Path, rounds: int, **paths: Path | None) -> None:
    """Compare the schemes; write results/schemes.json and the tables of docs/int8.md."""
    given = [path for path in (paths["checkpoint"], paths["calibration"], paths["texts"]) if path]
    if _CHECKPOINT in models and len(given) < len(paths):
        raise click.UsageError("--checkpoint, --calibration and --texts belong together; or choose another --model")
    known: dict[str, Callable[[], Model]] = {
        _CHECKPOINT: lambda: from_checkpoint(*given),
        ANTIBERTY: partial(antiberty, folder),
        RANDOM: xlm_r_sized,
    }
    for model in models:
        name = given[0].name if model == _CHECKPOINT else model
        _compare(known[model], folder / "graphs" / name, steps, rounds)
    command = "make schemes CHECKPOINT=… CALIBRATION=… TEXTS=…"
    click.echo(write_findings("schemes", command, {"models": _collect(folder / "graphs")}))
    click.echo(tables.write_page())


def _compare(open_model: Callable[[], Model], folder: Path, steps: Sequence[str], rounds: int) -> None:
    """Take some steps; their results are merged into those of earlier steps."""
    model = open_model() if {"graphs", "fidelity"} & set(steps) else None
    path = folder / "results.json"
    if model and "graphs" in steps:
        write_graphs(model, folder)
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if model and "fidelity" in steps:
        found |= measure_fidelity(model, folder)
    if "times" in steps:
        found["times_ms"] = time_schemes(folder, rounds)
    path.write_text(json.dumps(found))


def _collect(folder: Path) -> dict[str, Any]:
    """The results so far, by model; a model that lacks a step is left out."""
    found = {path.parent.name: json.loads(path.read_text()) for path in sorted(folder.glob("*/results.json"))}
    return {name: model for name, model in found.items() if {"schemes", "times_ms"} <= model.keys()}


if __name__ == "__main__":
    main()
