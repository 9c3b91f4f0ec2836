"""The command ``fillmask rank``."""

from __future__ import annotations

import sys
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING

import click

from fillmask.cli import options
from fillmask.cli.errors import reported
from fillmask.cli.inputs import read_texts
from fillmask.cli.output import Row, show_document, show_each, show_tables

if TYPE_CHECKING:
    from fillmask.tasks.rank import Ranking


@click.command("rank")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@options.candidates
@options.candidates_file
@options.model
@options.variant
@click.option(
    "--method",
    type=click.Choice(["l2r", "parallel"]),
    default="l2r",
    show_default=True,
    help="What is masked while a piece is read: it and the later pieces, or all pieces.",
)
@click.option("--normalize", type=click.Choice(["pieces", "characters"]), help="Compare means over these, not sums.")
@click.option("--truncation", type=click.Choice(["window"]), help="Keep the tokens around the slot of a long text.")
@options.file
@options.threads
@options.workers
@options.provider
@options.as_json
def rank_command(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    file: str | None,
    candidates: str | None,
    candidates_file: str | None,
    model: str | None,
    variant: str,
    method: str,
    normalize: str | None,
    truncation: str | None,
    threads: int | None,
    workers: int,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Rank candidates at the masks of each TEXT, or of each line of standard input.

    A candidate is a word or a phrase, of any number of tokens.
    """
    with reported(code=2):
        given = read_texts(texts, file)
        shown, ranked = tee(given.texts)
        from fillmask import FillMask

        listed = options.read_candidates(candidates, candidates_file)
        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        outcomes = fill_mask.rank_many(
            ranked,
            listed,
            method=method,  # type: ignore[arg-type]
            normalize=normalize,  # type: ignore[arg-type]
            truncation=truncation,  # type: ignore[arg-type]
            workers=workers,
        )
        failed = show_each(shown, outcomes, partial(_show, as_json=as_json), as_json=as_json, given=given)
    sys.exit(1 if failed else 0)


def _show(text: str, ranking: Ranking, *, as_json: bool) -> None:
    if as_json:
        show_document(text, "ranking", ranking)
        return
    show_tables(text, [[Row(each.score, (f"{each.log_prob:9.3f}", each.text)) for each in mask] for mask in ranking])
