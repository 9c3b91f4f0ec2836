"""The command ``fillmask batch``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict
from types import FrameType
from typing import Any, NoReturn

import click

from fillmask.cli import completion, options
from fillmask.cli.errors import fail, reported
from fillmask.cli.option_groups import grouped
from fillmask.cli.progress import MODES, Progress
from fillmask.cli.signals import SignalExit
from fillmask.signal_handlers import handling

# Options that are parameters of a verb; the others are those of ``fillmask.batch``.
_PARAMETERS = ("top_k", "targets", "method", "words", "bits", "normalize", "truncation")
_WORDS = ("candidates", "candidates_file", "labels", "labels_file", "template", "prior")
_GROUPS = {
    "Model": ("model", "variant", "provider"),
    "Parameters of the verb": (
        *("top_k", "targets", "candidates", "candidates_file", "method", "labels", "labels_file", "template", "prior"),
        *("normalize", "words", "bits", "truncation", "named"),
    ),
    "Input": ("input_format", "text_column", "id_column", "hash_inputs"),
    "Output": ("out", "output_format", "keep", "flat", "force", "mode"),
    "Job": ("rows_per_part", "shard", "max_errors", "ray"),
    "Speed": ("batch_size", "workers", "threads"),
}


@click.command("batch", cls=grouped(_GROUPS))
@click.argument("verb", shell_complete=completion.verbs)
@click.argument("inputs", nargs=-1, required=True, metavar="IN...", shell_complete=completion.files)
@click.option("-o", "--out", required=True, shell_complete=completion.files,
              help="A folder for parts, a file .jsonl, .csv, .tsv or .parquet, or -.")  # fmt: skip
@options.model
@options.variant
@click.option("-k", "--top-k", type=int, help="predict, infill: predictions per mask, or filled texts.  [default: 5]")
@click.option("--targets", help="predict: score only these keys of the vocabulary, separated by commas.")
@options.candidates
@options.candidates_file
@click.option("--method", type=click.Choice(["word_l2r", "original", "whole_word", "l2r", "parallel"]),
              help="score, rank, classify: what is masked while one is read.  [default: word_l2r, l2r]")  # fmt: skip
@options.labels
@options.labels_file
@options.template
@options.prior
@click.option("--normalize", type=click.Choice(["pieces", "characters", "none"]),
              help="rank, classify, infill: compare means over these.  [default: none, infill pieces]")  # fmt: skip
@click.option("--words", type=click.Choice(["pretokenizer", "spaces"]),
              help="score: what a word is.  [default: pretokenizer]")  # fmt: skip
@click.option("--bits", is_flag=True, default=None, help="score: logarithms to base 2.")
@click.option("--truncation", type=click.Choice(["right", "window"]), help="What to keep of a text that is too long.")
@click.option("-p", "--parameter", "named", multiple=True, metavar="NAME=VALUE",
              help="A parameter of the verb, its value as JSON or as plain text; repeat for several.")  # fmt: skip
@click.option(
    "--text", "text_column", default="text", show_default=True, metavar="COLUMN", help="The column of the texts."
)
@click.option("--id", "id_column", metavar="COLUMN", help="The column that identifies a row.  [default: a row number]")
@click.option("--keep", type=click.Choice(["all", "id"]), default="all", show_default=True, help="Columns to keep.")
@click.option("--flat", is_flag=True, help="A record for each rank, word, slot or letter; CSV and TSV always are.")
@click.option("--format", "output_format", type=click.Choice(["jsonl", "csv", "tsv", "parquet"]),
              help="Of the output.  [default: what OUT ends in, else jsonl]")  # fmt: skip
@click.option("--input-format", type=click.Choice(["jsonl", "csv", "tsv", "lines", "parquet"]),
              help="Of the inputs.  [default: what they end in]")  # fmt: skip
@click.option("--rows-per-part", type=int, default=10_000, show_default=True, help="Rows of a part.")
@click.option("--shard", metavar="I/N", help="Make every N-th part, from the I-th on.")
@click.option("--max-errors", metavar="N|P%", help="Stop after the part in which more rows than this are bad.")
@click.option("--force", is_flag=True, help="Start over if OUT exists.")
@click.option("--batch-size", type=int, help="Texts of one run.  [default: 16 if the model allows it, on a GPU 64]")
@click.option("--workers", type=int, help="Runs at the same time.  [default: one for each core]")
@click.option("--threads", type=int, default=1, show_default=True, help="Threads of one run.")
@click.option("--hash", "hash_inputs", is_flag=True, help="Record the SHA-256 of the inputs in _job.json.")
@click.option("--ray", is_flag=False, flag_value="", metavar="[ADDRESS]",
              help="Make the parts on a Ray cluster; without ADDRESS the one that it finds, or starts.")  # fmt: skip
@click.option("--progress", "mode", type=click.Choice(MODES), default="auto", show_default=True,
              help="On standard error.")  # fmt: skip
@options.provider
def batch_command(
    *,
    verb: str,
    inputs: tuple[str, ...],
    out: str,
    provider: tuple[str, ...],
    named: tuple[str, ...],
    mode: str,
    **given: Any,  # noqa: ANN401 -- each option has its own type
) -> None:
    """Run the rows of IN through VERB: classify, infill, marginals, predict, rank, score.

    IN are files, folders or patterns, or - for standard input.

    The same command resumes a job that was stopped. Rows without a result have the columns error and error_type.
    """
    from fillmask.errors import JobError

    progress = Progress(mode)

    with handling("SIGINT", "SIGTERM", handler=_Stop()), reported(code=2):
        from fillmask.files.batch import batch

        values = {name: given.pop(name) for name in _PARAMETERS}
        values["targets"] = options.parse_targets(values["targets"])
        parameters = {name: value for name, value in values.items() if value is not None}
        parameters |= {"normalize": None} if values["normalize"] == "none" else {}
        parameters |= _words(**{name: given.pop(name) for name in _WORDS})
        parameters |= _parse_parameters(named, parameters)
        providers = options.parse_providers(provider)
        try:
            batch(verb, inputs, out, parameters=parameters, providers=providers, report=progress.show, **given)
        except JobError as error:
            progress.end()
            fail(str(error), code=1)
    progress.end()


def _words(
    *,
    candidates: str | None,
    candidates_file: str | None,
    labels: str | None,
    labels_file: str | None,
    template: tuple[str, ...],
    prior: str | None,
) -> dict[str, Any]:
    """The parameters of a verb that options or files list."""
    found: dict[str, Any] = {}
    if candidates is not None or candidates_file is not None:
        found["candidates"] = options.read_candidates(candidates, candidates_file)
    if labels is not None or labels_file is not None:
        found["labels"] = options.read_labels(labels, labels_file)
    if template:
        found["template"] = list(template)
    if prior is not None:
        found["prior"] = asdict(options.read_prior(prior))
    return found


def _parse_parameters(named: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the values of ``--parameter``; other options have given some.

    Raises:
        InputError: One has no name or is given twice, or its value is nested too deeply.
    """
    from fillmask.errors import InputError

    parameters: dict[str, Any] = {}
    for each in named:
        name, separator, value = each.partition("=")
        if not name or not separator:
            raise InputError(f"parameter must be like top_k=3, got {each!r}")
        if name in parameters or name in given:
            raise InputError(f"the parameter {name} is given twice; give it once, by an option or as -p {name}=VALUE")
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
        except RecursionError as error:
            raise InputError(f"the parameter {name} is nested too deeply") from error
    return parameters


class _Stop:
    """Ends a job as a shell expects of a signal: 130 for SIGINT, 143 for SIGTERM. The part under way is dropped."""

    def __init__(self) -> None:
        self._came = False

    def __call__(self, number: int, _: FrameType | None) -> NoReturn:
        """Handle a signal."""
        if not self._came:
            # Not through sys.stderr, which the signal may have interrupted.
            name = signal.Signals(number).name
            os.write(2, f"fillmask: stopped by {name}; complete parts are kept\n".encode())
        self._came = True
        raise SignalExit(number)
