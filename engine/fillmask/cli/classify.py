"""The command ``fillmask classify``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import partial
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fillmask.cli import options
from fillmask.cli.errors import fail, reported
from fillmask.cli.inputs import Texts, read_texts, without_texts
from fillmask.cli.output import Row, show_each, show_tables

if TYPE_CHECKING:
    from fillmask import FillMask
    from fillmask.tasks.classify import Label

# Options that change how texts are labeled and no prior, by their parameters.
_OF_LABELS = {
    "prior": "--prior",
    "temperature": "--temperature",
    "aggregate": "--aggregate",
    "multi_label": "--multi-label",
    "as_json": "--json",
}


@click.command("classify")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@options.labels
@options.labels_file
@options.template
@options.prior
@click.option(
    "--fit-prior",
    type=click.Path(dir_okay=False),
    help="Write the prior of the TEXTs to this file instead; at a terminal without TEXTs that of N/A and no text.",
)
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Divides what is compared.")
@click.option(
    "--aggregate",
    type=click.Choice(["logsumexp", "mean", "max"]),
    default="logsumexp",
    show_default=True,
    help="How the words of a label count together.",
)
@click.option("--multi-label", is_flag=True, help="Score each label by itself; needs --prior.")
@click.option(
    "--method",
    type=click.Choice(["l2r", "parallel"]),
    default="l2r",
    show_default=True,
    help="What is masked while a piece of a word is read: it and the later pieces, or all pieces.",
)
@click.option("--normalize", type=click.Choice(["pieces"]), help="Compare means over the pieces of a word, not sums.")
@click.option("--truncation", type=click.Choice(["right"]), help="Keep the beginning of a long text.")
@options.model
@options.variant
@options.file
@options.threads
@options.workers
@options.provider
@options.as_json
def classify_command(  # noqa: PLR0913 -- one parameter an option
    *,
    texts: tuple[str, ...],
    file: str | None,
    labels: str | None,
    labels_file: str | None,
    template: tuple[str, ...],
    prior: str | None,
    fit_prior: str | None,
    temperature: float,
    aggregate: str,
    multi_label: bool,
    method: str,
    normalize: str | None,
    truncation: str | None,
    model: str | None,
    variant: str,
    threads: int | None,
    workers: int,
    provider: tuple[str, ...],
    as_json: bool,
) -> None:
    """Label each TEXT, or each line of standard input, by words that a masked LM predicts in a template."""
    with reported(code=2):
        from fillmask import FillMask

        if fit_prior is not None:
            _check_fit_prior(fit_prior)
        common: dict[str, Any] = {"labels": options.read_labels(labels, labels_file), "truncation": truncation}
        common |= {"method": method, "normalize": normalize}
        common |= {"template": list(template)} if template else {}
        known = None if prior is None else options.read_prior(prior)
        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        if fit_prior is not None:
            sample = _sample(texts, file)
            _write(fit_prior, fill_mask.fit_prior(sample, **common, workers=workers).to_json())
            return
        given = read_texts(texts, file)
        common |= {"prior": known, "temperature": temperature, "aggregate": aggregate, "multi_label": multi_label}
        failed = _classify(fill_mask, given, common | {"workers": workers}, as_json=as_json)
    sys.exit(1 if failed else 0)


def _check_fit_prior(file: str) -> None:
    """Refuse what is wrong with ``--fit-prior`` before the texts run.

    Raises:
        InputError: An option beside it has no meaning there, or the file cannot be written.
    """
    from fillmask.errors import InputError
    from fillmask.files.whole_file import check_writable

    given = [option for name, option in _OF_LABELS.items() if options.is_given(name)]
    if given:
        raise InputError(f"--fit-prior writes a prior and labels no text; leave out {', '.join(given)}")
    try:
        check_writable(Path(file))
    except OSError as error:
        raise InputError(f"{_refusal(file, error)}; name a file in a folder that exists and takes files") from error


def _sample(texts: tuple[str, ...], file: str | None) -> Iterable[str] | None:
    """The texts of a prior, None for those without content: at a terminal ``-`` asks for texts."""
    if not without_texts(texts, file):
        return read_texts(texts, file).texts
    click.echo("No texts: the prior is that of N/A and the empty text.", err=True)
    return None


def _write(file: str, content: str) -> None:
    from fillmask.files.whole_file import write_whole

    try:
        write_whole(Path(file), f"{content}\n".encode())
    except OSError as error:
        fail(_refusal(file, error), code=1)


def _refusal(file: str, error: OSError) -> str:
    return f"--fit-prior: {file} cannot be written: {error.strerror or error}"


def _classify(fill_mask: FillMask, given: Texts, arguments: dict[str, Any], *, as_json: bool) -> bool:
    shown, classified = tee(given.texts)
    outcomes = fill_mask.classify_many(classified, **arguments)
    return show_each(shown, outcomes, partial(_show, as_json=as_json), as_json=as_json, given=given)


def _show(text: str, labels: list[Label], *, as_json: bool) -> None:
    if as_json:
        from fillmask.tasks.classify import as_json as as_document

        click.echo(json.dumps({"inputs": text, "labels": as_document(labels)}))
        return
    show_tables(text, [[Row(each.score, (f"{each.log_prob:9.3f}", each.label)) for each in labels]])
