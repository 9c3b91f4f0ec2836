"""``python -m benchmarks.schemes --checkpoint FOLDER --calibration FILE --texts FILE``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.suite import write_findings
from benchmarks.schemes import tables
from benchmarks.schemes.answers import judge
from benchmarks.schemes.graphs import write_graphs
from benchmarks.schemes.subjects import ANTIBERTY, RANDOM, Subject, antiberty, from_checkpoint, xlm_r_sized
from benchmarks.schemes.times import time_schemes

_STEPS = ("graphs", "answers", "times")
_FILE = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--checkpoint", type=_FILE, help="A trained masked LM, the first of three.")
@click.option("--calibration", type=_FILE, help="Texts of its language for the fixed scales, one a line.")
@click.option("--texts", type=_FILE, help="Other texts, to judge on.")
@click.option("--model", "models", multiple=True, type=click.Choice(["checkpoint", ANTIBERTY, RANDOM]),
              default=("checkpoint", ANTIBERTY, RANDOM), help="Only this one; may be given again.")  # fmt: skip
@click.option("--step", "steps", multiple=True, type=click.Choice(_STEPS), default=_STEPS, help="Only this one.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("build/schemes"), show_default=True,
              help="Keeps graphs and results from one step to the next.")  # fmt: skip
@click.option("--rounds", default=31, show_default=True, help="Runs of each scheme, by turns.")
def main(models: Sequence[str], steps: Sequence[str], folder: Path, rounds: int, **texts: Path | None) -> None:
    """Compare the schemes and write results/schemes.json and the tables of docs/int8.md."""
    if "checkpoint" in models and None in texts.values():
        raise click.UsageError("--checkpoint, --calibration and --texts belong together; or choose another --model")
    for model in models:
        subject = partial(_open, model, folder, texts)
        _compare(subject, folder / "graphs" / _name(model, texts["checkpoint"]), steps, rounds)
    command = "make schemes CHECKPOINT=… CALIBRATION=… TEXTS=…"
    print(write_findings("schemes", command, {"models": _collect(folder / "graphs")}))
    print(tables.main())


def _name(model: str, checkpoint: Path | None) -> str:
    return checkpoint.name if model == "checkpoint" and checkpoint else model


def _open(model: str, folder: Path, texts: dict[str, Path | None]) -> Subject:
    if model == ANTIBERTY:
        return antiberty(folder)
    if model == RANDOM:
        return xlm_r_sized()
    checkpoint, calibration, held_out = (texts[name] for name in ("checkpoint", "calibration", "texts"))
    assert checkpoint is not None
    assert calibration is not None
    assert held_out is not None
    return from_checkpoint(checkpoint, calibration, held_out)


def _compare(opened: Callable[[], Subject], folder: Path, steps: Sequence[str], rounds: int) -> None:
    """Take the steps that are asked for; what they find is added to what earlier ones found."""
    subject = opened() if {"graphs", "answers"} & set(steps) else None
    path = folder / "results.json"
    if subject and "graphs" in steps:
        write_graphs(subject, folder)
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if subject and "answers" in steps:
        found |= judge(subject, folder)
    if "times" in steps:
        found["times_ms"] = time_schemes(folder, rounds)
    path.write_text(json.dumps(found))


def _collect(folder: Path) -> dict[str, Any]:
    """What has been found so far, by model; a model that lacks a step is left out."""
    found = {path.parent.name: json.loads(path.read_text()) for path in sorted(folder.glob("*/results.json"))}
    return {name: model for name, model in found.items() if {"schemes", "times_ms"} <= model.keys()}


if __name__ == "__main__":
    main()
