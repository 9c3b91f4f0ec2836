"""The command ``fillmask predict``."""

from __future__ import annotations

import sys
from itertools import tee

import click

from fillmask.cli import options
from fillmask.cli.errors import reported
from fillmask.cli.output import show


@click.command("predict")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@options.model
@options.variant
@click.option("-k", "--top-k", type=int, default=5, show_default=True, help="Predictions per mask.")
@click.option("--targets", help="Score only these words, separated by commas.")
@click.option("--truncation", type=click.Choice(["right", "window"]), help="What to keep of a text that is too long.")
@options.threads
@click.option("--batch-size", type=int, help="Texts of one run; more are read ahead.  [default: 1, on a GPU 64]")
@options.workers
@options.provider
@options.as_json
def predict_command(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    model: str | None,
    variant: str,
    top_k: int,
    targets: str | None,
    truncation: str | None,
    threads: int | None,
    batch_size: int | None,
    workers: int,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fill the masks of each TEXT, or of each line of standard input.

    [MASK], <mask> and {mask} all stand for the model's mask. In a TEXT that holds the model's own mask only that
    one does.
    """
    shown, predicted = tee(texts or options.stdin_lines())
    with reported(code=2):
        from fillmask import FillMask, InputError

        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        outcomes = fill_mask.predict_many(
            predicted,
            top_k=top_k,
            targets=None if targets is None else [word.strip() for word in targets.split(",") if word.strip()],
            truncation=truncation,  # type: ignore[arg-type]
            batch_size=batch_size,
            workers=workers,
        )
        failed = False
        for text, outcome in zip(shown, outcomes, strict=False):
            failed |= isinstance(outcome, InputError)
            show(text, outcome, as_json=as_json)
    sys.exit(1 if failed else 0)
