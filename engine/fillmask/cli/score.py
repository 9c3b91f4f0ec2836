"""The command ``fillmask score``."""

from __future__ import annotations

import sys
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING

import click

from fillmask.cli import options
from fillmask.cli.errors import reported
from fillmask.cli.inputs import read_texts
from fillmask.cli.output import show_document, show_each

if TYPE_CHECKING:
    from fillmask.tasks.score import Score


@click.command("score")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@options.model
@options.variant
@click.option(
    "--method",
    type=click.Choice(["word_l2r", "original", "whole_word"]),
    default="word_l2r",
    show_default=True,
    help="What is masked while a token is read: it and the later tokens of its word, it alone, or its whole word.",
)
@click.option(
    "--words",
    type=click.Choice(["pretokenizer", "spaces"]),
    default="pretokenizer",
    show_default=True,
    help="What a word is: what the tokenizer splits, or what stands between spaces.",
)
@click.option("--tokens", "parts", flag_value="tokens", help="Show each token.")
@click.option("--by-word", "parts", flag_value="words", help="Show each word.")
@click.option("--bits", is_flag=True, help="Logarithms to base 2.")
@click.option("--truncation", type=click.Choice(["window"]), help="Read each token of a long text in a window.")
@options.file
@options.threads
@options.workers
@options.provider
@options.as_json
def score_command(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    file: str | None,
    model: str | None,
    variant: str,
    method: str,
    words: str,
    parts: str | None,
    bits: bool,
    truncation: str | None,
    threads: int | None,
    workers: int,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Score each TEXT, or each line of standard input: the log probability that a masked LM gives it.

    The number is a pseudo-log-likelihood, the sum over the text's tokens. The second number is its perplexity. Only the
    model's own mask token is a mask: it stays masked and does not count.
    """
    with reported(code=2):
        given = read_texts(texts, file)
        shown, scored = tee(given.texts)
        from fillmask import FillMask

        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        outcomes = fill_mask.score_many(
            scored,
            method=method,  # type: ignore[arg-type]
            words=words,  # type: ignore[arg-type]
            bits=bits,
            truncation=truncation,  # type: ignore[arg-type]
            workers=workers,
        )
        show = partial(_show, parts=parts, as_json=as_json)
        failed = show_each(shown, outcomes, show, as_json=as_json, given=given)
    sys.exit(1 if failed else 0)


def _show(text: str, score: Score, *, parts: str | None, as_json: bool) -> None:
    if as_json:
        show_document(text, "score", score)
        return
    click.echo(f"{score.log_prob:10.3f} {score.perplexity:10.2f}  {text}")
    for part in getattr(score, parts) if parts else ():
        unknown = "  (unknown)" if part.unknown else ""
        click.echo(f"{part.log_prob:10.3f} {part.start:6}–{part.end:<4}  {part.text}{unknown}")
