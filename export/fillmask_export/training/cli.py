"""``fillmask train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fillmask.cli import completion
from fillmask.cli.errors import fail, imported, reported
from fillmask.cli.model import find_checkpoint
from fillmask.cli.option_groups import grouped
from fillmask.errors import FillMaskError

_GROUPS = {
    "Input and output": ("texts", "field", "out", "revision"),
    "Budget and device": ("minutes", "steps", "precision", "device"),
    "Optimizer": ("learning_rate", "head_learning_rate", "warmup", "batch_tokens", "seed"),
    "Sequences": ("max_length", "short_length", "long_share"),
    "Masks": ("selected", "masked", "random"),
    "Evaluation": ("held_out",),
}


@click.command("train", cls=grouped(_GROUPS))
@click.argument("encoder", shell_complete=completion.folders)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="FILES...")
@click.option("--text", "texts", multiple=True, type=click.Path(path_type=Path), help="As FILES; repeats.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to create.")
@click.option("--revision", help="Branch, tag or commit of a hub encoder.")
@click.option("--minutes", type=float, help="Time to train for.")
@click.option("--steps", type=int, help="Steps to train for.")
@click.option("--learning-rate", default=5e-4, show_default=True, help="Peak learning rate.")
@click.option("--head-learning-rate", default=1.5e-3, show_default=True, help="Peak learning rate of a new head.")
@click.option("--warmup", default=0.03, show_default=True, help="Share of the budget until the peak.")
@click.option("--batch-tokens", default=4096, show_default=True, help="Tokens of a step, padding included.")
@click.option("--max-length", default=512, show_default=True, help="Tokens of the longest sequence.")
@click.option("--short-length", default=128, show_default=True, help="Tokens that most sequences have at most.")
@click.option("--long-share", default=0.15, show_default=True, help="Share of the text cut into longer sequences.")
@click.option("--selected", default=0.2, show_default=True, help="Share of tokens to predict.")
@click.option("--masked", default=0.9, show_default=True, help="Share of selected tokens that are masked.")
@click.option("--random", default=0.05, show_default=True, help="Share of selected tokens replaced by a random one.")
@click.option("--held-out", default=60_000, show_default=True, help="Tokens to evaluate on, a tenth of all at most.")
@click.option("--field", default="text", show_default=True, help="Field of the text in a line of JSONL.")
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "fp32", "bf16"]))
@click.option("--device", help="Such as cuda.  [default: a GPU where there is one]")
def train_command(
    *,
    encoder: str,
    files: tuple[Path, ...],
    texts: tuple[Path, ...],
    out: Path,
    revision: str | None,
    **recipe: Any,  # noqa: ANN401 -- the fields of Recipe
) -> None:
    """Train ENCODER, a folder, a hub id or ID@REVISION, on the text of FILES as a masked LM, into the new folder OUT.

    FILES are .txt, .txt.xz, .jsonl or .jsonl.xz. The exit code is 0, 1 if the training was stopped and saved, or 2.
    """
    with reported(code=2):
        encoder, revision = find_checkpoint(encoder, revision)
    with imported("fillmask train", "export"):
        from fillmask_export.training.errors import StoppedError
        from fillmask_export.training.recipe import Recipe
        from fillmask_export.training.training import train
    try:
        report = train(encoder, [*texts, *files], out, Recipe(**recipe), revision=revision)
    except (FillMaskError, OSError) as error:
        fail(str(error), code=1 if isinstance(error, (StoppedError, OSError)) else 2)
    for name, before in report["before"].items():
        after = report["after"][name]
        for score in ("loss", "accuracy"):
            click.echo(f"{name} sequences, {score:8} {before[score]:.4f} -> {after[score]:.4f}")
