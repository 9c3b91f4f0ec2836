"""The command ``fillmask infill``."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING

import click

from fillmask.cli import options
from fillmask.cli.errors import reported
from fillmask.cli.inputs import read_texts
from fillmask.cli.output import show_each

if TYPE_CHECKING:
    from fillmask.tasks.infill import Infill, Pieces


@click.command("infill")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@options.model
@options.variant
@click.option("-k", "--top-k", type=int, default=5, show_default=True, help="Filled texts, at most.")
@click.option(
    "--order",
    type=click.Choice(["left", "confident", "independent"]),
    default="left",
    show_default=True,
    help="Which token is chosen first: the left one, the most confident one, or each by itself.",
)
@click.option(
    "--width",
    type=int,
    default=8,
    show_default=True,
    help="Hypotheses that go on after each token; no effect if independent.",
)
@click.option("--pieces", default="1", show_default=True, metavar="N[-M]", help="Tokens of a slot of one mask.")
@click.option("--refine", type=int, default=0, help="Sweeps in which each token is masked and chosen again.")
@click.option(
    "--normalize",
    type=click.Choice(["pieces", "none"]),
    default="pieces",
    show_default=True,
    help="Compare means over pieces, which favor long words, or sums, which favor few pieces.",
)
@click.option("--any-token", is_flag=True, help="Allow tokens that are no words or parts of words.")
@click.option("--truncation", type=click.Choice(["window"]), help="Read a long text around its masks.")
@options.file
@options.threads
@options.workers
@options.provider
@options.as_json
def infill_command(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    file: str | None,
    model: str | None,
    variant: str,
    top_k: int,
    order: str,
    width: int,
    pieces: str,
    refine: int,
    normalize: str,
    any_token: bool,
    truncation: str | None,
    threads: int | None,
    workers: int,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fill the masks of each TEXT, or of each line of standard input, together: words that fit each other.

    Masks without white space between them are one word of as many tokens.
    """
    with reported(code=2):
        given = read_texts(texts, file)
        shown, filled = tee(given.texts)
        from fillmask import FillMask

        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        outcomes = fill_mask.infill_many(
            filled,
            top_k=top_k,
            order=order,  # type: ignore[arg-type]
            width=width,
            pieces=_parse_pieces(pieces),
            refine=refine,
            words=not any_token,
            normalize=None if normalize == "none" else normalize,  # type: ignore[arg-type]
            truncation=truncation,  # type: ignore[arg-type]
            workers=workers,
        )
        failed = show_each(shown, outcomes, partial(_show, as_json=as_json), as_json=as_json, given=given)
    sys.exit(1 if failed else 0)


def _parse_pieces(pieces: str) -> Pieces:
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", pieces)
    if match is None:
        raise click.BadParameter(f"{pieces!r} is neither a number nor a range such as 1-3", param_hint="--pieces")
    return (int(match[1]), int(match[2])) if match[2] else int(match[1])


def _show(text: str, infills: list[Infill], *, as_json: bool) -> None:
    if as_json:
        from fillmask.results import as_json as as_documents

        click.echo(json.dumps({"inputs": text, "infills": as_documents(infills)}))
        return
    for each in infills:
        click.echo(f"{each.score:8.4f}  {each.filled}")
