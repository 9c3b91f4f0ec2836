"""Options and inputs that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from fillmask.cli.streams import ClosedStream

if TYPE_CHECKING:
    from fillmask.runtime.providers import Provider

model = click.option("-m", "--model", help="A model folder or a hub id.  [default: the embedded English model]")
variant = click.option("--variant", default="auto", show_default=True, help="fp32, int8, ….")
provider = click.option(
    "--provider",
    "provider",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,…]",
    help="ONNX Runtime's execution provider, such as CUDAExecutionProvider:device_id=1; repeat for several.  "
    "[default: CUDA if it starts, else the CPU]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document a line.")


def parse_providers(options: tuple[str, ...]) -> list[Provider] | None:
    """Read the values of ``--provider``; None without any.

    Raises:
        ProviderError: One is malformed.
    """
    from fillmask.runtime.providers import parse_provider

    return [parse_provider(option) for option in options] or None


def stdin_lines() -> Iterator[str]:
    """Read the lines of standard input as UTF-8, without their ends and without a byte order mark before the first.

    Raises:
        InputError: Standard input is closed.
    """
    if isinstance(sys.stdin, ClosedStream):
        from fillmask.errors import InputError

        raise InputError("there are no texts, and standard input is closed; name texts, or give a file as input")
    if isinstance(sys.stdin, TextIOWrapper):
        # Bytes that are not UTF-8 become lone surrogates, which are then reported for their line alone.
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    for line in sys.stdin:
        yield line.rstrip("\r\n")
