"""The command ``fillmask predict``."""

from __future__ import annotations

import sys
from functools import partial
from itertools import tee

import click

from fillmask.cli import options
from fillmask.cli.errors import reported
from fillmask.cli.inputs import read_texts
from fillmask.cli.output import show, show_each

_FILE_BATCH = 16


@click.command("predict")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@options.model
@options.variant
@click.option("-k", "--top-k", type=int, default=5, show_default=True, help="Predictions per mask.")
@click.option("--targets", help="Score only these keys of the vocabulary, separated by commas.")
@click.option("--truncation", type=click.Choice(["right", "window"]), help="What to keep of a text that is too long.")
@options.file
@options.threads
@click.option(
    "--batch-size",
    type=int,
    help=f"Texts of one run; more are read ahead.  [default: 1, for a file {_FILE_BATCH}, on a GPU 64]",
)
@click.option(
    "--workers",
    type=int,
    help="Runs at the same time.  [default: 1, for a file without --threads and --batch-size one for each core, of one "
    "thread each]",
)
@options.provider
@options.as_json
def predict_command(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    file: str | None,
    model: str | None,
    variant: str,
    top_k: int,
    targets: str | None,
    truncation: str | None,
    threads: int | None,
    batch_size: int | None,
    workers: int | None,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fill the masks of each TEXT, or of each line of standard input.

    [MASK], <mask> and {mask} all stand for the model's mask. In a TEXT that holds the model's own mask only that
    one does.
    """
    with reported(code=2):
        given = read_texts(texts, file)
        shown, predicted = tee(given.texts)
        from fillmask import FillMask
        from fillmask.runtime.cpu import available_threads

        # Nobody waits for the first line of a file: runs of several on all CPUs take a third of the time on two.
        ahead = given.by_line and given.ready and batch_size is None and threads is None and workers is None
        if ahead:
            threads, workers = 1, available_threads()
        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        if ahead and fill_mask.model.equal_length_invariant and not fill_mask.model.session.on_gpu:
            batch_size = _FILE_BATCH
        outcomes = fill_mask.predict_many(
            predicted,
            top_k=top_k,
            targets=options.parse_targets(targets),
            truncation=truncation,  # type: ignore[arg-type]
            batch_size=batch_size,
            workers=1 if workers is None else workers,
        )
        failed = show_each(shown, outcomes, partial(show, as_json=as_json), as_json=as_json, given=given)
    sys.exit(1 if failed else 0)
