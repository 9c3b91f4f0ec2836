"""The command ``fillmask bench``."""

from __future__ import annotations

import json
import sys

import click

from fillmask.cli import completion
from fillmask.cli.bar import bar
from fillmask.cli.model import argument_or_option


@click.command("bench")
@argument_or_option
@click.option("--seconds", default=45.0, show_default=True, help="How long to time; loading and checking come on top.")
@click.option("--variant", help="Time this variant alone.  [default: all]", shell_complete=completion.variants)
@click.option("--threads", type=int, multiple=True, help="Repeat for several.  [default: 1, 2, 4, … all]")
@click.option("--tokens", type=int, multiple=True, help="Repeat for several lengths.  [default: 16, 64, 128, 512]")
@click.option("-k", "--top-k", type=int, default=5, show_default=True, help="Predictions per mask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with every time measured.")
def bench_command(
    *,
    model: str | None,
    seconds: float,
    variant: str | None,
    threads: tuple[int, ...],
    tokens: tuple[int, ...],
    top_k: int,
    as_json: bool,
) -> None:
    """Time MODEL on this machine for a minute, and say which variant and how many threads to use.

    MODEL is a folder, a hub id or ID@REVISION, or else the embedded English model. Keep the machine idle meanwhile. A
    variant that does not give its stored predictions here is not timed, and the exit code is 1. Of a hub id the
    variants in the cache are timed.
    """
    from fillmask.cli.errors import reported

    with reported(code=2):
        from fillmask.bench import tables
        from fillmask.bench.run import BenchOptions, bench

        options = BenchOptions(seconds, variant, threads, tokens, top_k)
        with bar("timing", seconds) as shown:
            result = bench(model, options, lambda spent: shown.update(min(spent, seconds - shown.n)))
    click.echo(json.dumps(tables.document(result)) if as_json else tables.text(result))
    if any(each.checked and each.failed for each in result.candidates):
        sys.exit(1)
