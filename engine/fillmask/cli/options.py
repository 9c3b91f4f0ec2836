"""Options and inputs that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from fillmask.cli import completion
from fillmask.cli.model import argument_or_option, option
from fillmask.errors import InputError, one_line

if TYPE_CHECKING:
    from fillmask.runtime.providers import Provider
    from fillmask.tasks.prior import Prior

model = option
model_argument = argument_or_option
variant = click.option(
    "--variant", default="auto", show_default=True, help="fp32, int8, ….", shell_complete=completion.variants
)
provider = click.option(
    "--provider",
    "provider",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,…]",
    shell_complete=completion.providers,
    help="ONNX Runtime's execution provider, such as cpu or cuda:device_id=1; repeat for several.  "
    "[default: CUDA if it starts, else the CPU]",
)
threads = click.option("--threads", type=int, help="Threads of one run.  [default: what this process may use]")
workers = click.option("--workers", type=int, default=1, show_default=True, help="Runs at the same time.")
file = click.option(
    "-f", "--file", type=click.Path(dir_okay=False, allow_dash=True), help="A file of texts, one a line, in UTF-8."
)
candidates = click.option("--candidates", metavar="A,B,…", help="Candidates, separated by commas.")
candidates_file = click.option(
    "--candidates-file", type=click.Path(dir_okay=False), help="A file of candidates, one a line, in UTF-8."
)
labels = click.option("--labels", metavar="A,B,…", help="Labels, separated by commas; each is its own word.")
labels_file = click.option(
    "--labels-file", type=click.Path(dir_okay=False), help='A JSON file: ["a", …], or {"a": ["word", …], …}.'
)
template = click.option(
    "--template",
    multiple=True,
    help="A text with {text} and one mask; repeat for a mean over several.  [default: {text} This example is {mask}.]",
)
prior = click.option("--prior", type=click.Path(dir_okay=False), help="A file that --fit-prior wrote.")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")


def is_given(parameter: str) -> bool:
    """Whether a parameter of the running command was given, rather than left at its default."""
    return click.get_current_context().get_parameter_source(parameter) is not ParameterSource.DEFAULT


def parse_providers(options: tuple[str, ...]) -> list[Provider] | None:
    """Read the values of ``--provider``; None without any.

    Raises:
        ProviderError: One is malformed.
    """
    from fillmask.runtime.providers import parse_provider

    return [parse_provider(option) for option in options] or None


def parse_targets(listed: str | None) -> list[str] | None:
    """Read the words of ``--targets``: none is empty, and none has white space at its ends. None stays None."""
    return None if listed is None else _separated(listed)


def _separated(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",") if word.strip()]


def read_candidates(listed: str | None, file: str | None) -> list[str]:
    """Read the candidates of ``--candidates`` or ``--candidates-file``, without white space at their ends.

    Raises:
        InputError: Not exactly one of the two is given, or the file cannot be read.
    """
    if (listed is None) == (file is None):
        raise InputError("give either --candidates or --candidates-file")
    if file is None:
        return _separated(str(listed))
    try:
        lines = Path(file).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--candidates-file: {one_line(error)}") from error
    return [line.strip() for line in lines if line.strip()]


def read_labels(listed: str | None, file: str | None) -> list[str] | dict[str, list[str]]:
    """Read the labels of ``--labels``, or of ``--labels-file``, which is a JSON list or an object of lists of words.

    Raises:
        InputError: Not exactly one of the two is given, or the file is not JSON.
    """
    if (listed is None) == (file is None):
        raise InputError("give either --labels or --labels-file")
    if file is None:
        return _separated(str(listed))
    try:
        labels: list[str] | dict[str, list[str]] = json.loads(Path(file).read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"--labels-file: {one_line(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"--labels-file: {file} is not JSON in UTF-8: {one_line(error)}") from error
    return labels


def read_prior(file: str) -> Prior:
    """Read a prior that ``fillmask classify --fit-prior`` wrote.

    Raises:
        InputError: The file is missing, or is no prior.
    """
    from fillmask.tasks.prior import Prior

    try:
        return Prior.from_json(Path(file).read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"--prior: {one_line(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--prior: {file} is not UTF-8, so --fit-prior did not write it: {one_line(error)}") from error
