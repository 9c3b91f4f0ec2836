"""The command ``fillmask marginals``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from fillmask.cli import options
from fillmask.cli.errors import reported
from fillmask.cli.inputs import stdin_lines
from fillmask.errors import InputError

if TYPE_CHECKING:
    from fillmask.masking import MaskingTruncation
    from fillmask.model import Model
    from fillmask.tasks.marginals import Marginals

_STDIN = "<stdin>"
_INSTEAD = "name the characters to read with --alphabet, or for a protein take a model of proteins with -m FOLDER"


@click.command("marginals")
@click.argument("sequence", required=False, metavar="[SEQUENCE]")
@options.model
@options.variant
@click.option("--alphabet", help="Characters to read.  [default: the 20 amino acids, or every ordinary token]")
@click.option("--unmasked", is_flag=True, help="Read all positions in one run, without masks.")
@click.option(
    "--variants",
    type=click.File(encoding="utf-8-sig"),
    help="Score variants such as A24G:K30R, one a line, or the column `mutant` of a CSV file.",
)
@click.option(
    "--fill",
    type=click.Choice(["wild", "mask", "mutant", "match"]),
    default="wild",
    show_default=True,
    help="What stands at the other mutated positions while one is read.",
)
@click.option("--offset", type=int, default=1, show_default=True, help="Number of the first position.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the matrix as a heat map, FILE.svg or FILE.png, instead of printing it.",
)
@click.option("--truncation", type=click.Choice(["window"]), help="Read each position of a long text in a window.")
@options.threads
@options.provider
def marginals_command(  # noqa: PLR0913 -- one parameter an option
    *,
    sequence: str | None,
    model: str | None,
    variant: str,
    alphabet: str | None,
    unmasked: bool,
    variants: TextIO | None,
    fill: str,
    offset: int,
    plot: Path | None,
    truncation: str | None,
    threads: int | None,
    provider: tuple[str, ...],
) -> None:
    """Print log probabilities of an alphabet at every position of SEQUENCE, or scores of its variants, as CSV.

    SEQUENCE is one line of standard input if it is - or not given.
    """
    arguments: dict[str, Any] = {"alphabet": alphabet, "masked": not unmasked, "truncation": truncation}
    with reported(code=2):
        from fillmask import FillMask
        from fillmask.files.csv_lines import csv_writer

        _check_fill(variants)
        if plot is not None:
            from fillmask.heat_map import check_plot, draw_heat_map

            check_plot(plot)
        sequence = _read_sequence(sequence, variants)
        names = None if variants is None else [*_mutants(variants)]
        fill_mask = FillMask(model, variant=variant, providers=options.parse_providers(provider), threads=threads)
        _check_options(fill_mask.model, arguments, columns=variants is None)
    with reported(code=1):
        if names is not None:
            _check_mutants(fill_mask.model, sequence, names, offset=offset, fill=fill, **arguments)
        found = fill_mask.marginals(sequence, **arguments)
        rows = iter(()) if plot is not None else _matrix(found, offset)
        if names is not None:
            rows = _table(names, found.variants(names, offset=offset, fill=fill))  # type: ignore[arg-type]
        if plot is not None:
            draw_heat_map(found, plot, offset=offset)
        csv_writer(sys.stdout.write).writerows(rows)


def _check_fill(variants: TextIO | None) -> None:
    if variants is None and options.is_given("fill"):
        raise InputError("--fill says how --variants are scored; give --variants, or leave out --fill")


def _read_sequence(given: str | None, variants: TextIO | None) -> str:
    """The argument, or the one line of standard input.

    Raises:
        InputError: Standard input is closed, has not one line, or holds the variants.
    """
    if given not in (None, "-"):
        return str(given)
    if variants is not None and getattr(variants, "name", _STDIN) == _STDIN:
        raise InputError("standard input holds the --variants; give the SEQUENCE as an argument")
    lines = [*stdin_lines()]
    if len(lines) != 1:
        raise InputError(
            f"standard input must hold one line, the SEQUENCE, and has {len(lines)}; fillmask batch reads many"
        )
    return lines[0]


def _check_options(model: Model, arguments: dict[str, Any], *, columns: bool) -> None:
    """Refuse options that are wrong whatever the sequence is.

    Raises:
        InputError: As in ``FillMask.marginals``, or a column for each token would be too many.
    """
    from fillmask.matrix_columns import check_columns
    from fillmask.tasks.marginals import MARGINALS

    if arguments["alphabet"] is None and columns:
        check_columns(model, _INSTEAD)
    MARGINALS.resolve(model, **arguments)


def _check_mutants(  # noqa: PLR0913 -- one parameter an option
    model: Model,
    sequence: str,
    names: Sequence[str],
    *,
    offset: int,
    fill: str,
    alphabet: str | None,
    masked: bool,
    truncation: MaskingTruncation | None,
) -> None:
    """Refuse variants that do not fit a sequence, before the model runs.

    Raises:
        InputError: As in ``Marginals.variants``, or the sequence or an option is wrong.
    """
    from fillmask.masking import check_length
    from fillmask.tasks.marginals import MARGINALS, AlphabetLogProbs, alphabet_ids, token_names
    from fillmask.tasks.mutants import Wild, check_fill, parse_mutant
    from fillmask.text_tokens import tokenize

    ids = alphabet_ids(model, MARGINALS.resolve(model, alphabet=alphabet, masked=masked).value.alphabet)
    tokens = tokenize(model, sequence)
    check_length(model, tokens, truncation)
    check_fill(Wild(model, tokens, AlphabetLogProbs(ids.tobytes()), ids, masked), fill)
    letters = {letter: index for index, letter in enumerate(token_names(model, ids))}
    wild = token_names(model, tokens.ids)
    for name in names:
        parse_mutant(name, wild, letters, offset)


def _mutants(lines: TextIO) -> Iterator[str]:
    """The column ``mutant`` of a CSV file that has one, else its lines.

    Raises:
        InputError: The file is not UTF-8 or not CSV, or a row has no such column.
    """
    rows = csv.reader(lines)
    try:
        first = next(rows, [])
        if "mutant" in first:
            column = first.index("mutant")
            yield from (row[column] for row in rows if row)
        else:
            yield from (",".join(row) for row in [first, *rows] if row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{lines.name} cannot be read after line {rows.line_num}: {error}") from error
    except IndexError as error:
        raise InputError(f"{lines.name}, line {rows.line_num} has no column mutant") from error


def _table(names: Iterable[str], scores: Iterable[float]) -> Iterator[list[str]]:
    yield ["mutant", "score"]
    for name, score in zip(names, scores, strict=True):
        yield [name, _number(score)]


def _matrix(found: Marginals, offset: int) -> Iterator[list[str]]:
    yield ["position", "text_token", *found.alphabet]
    for position, (token, row) in enumerate(zip(found.tokens, found.log_probs.tolist(), strict=True), start=offset):
        yield [str(position), token, *map(_number, row)]


def _number(value: float) -> str:
    return f"{value:.6g}"
