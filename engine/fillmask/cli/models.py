"""The command ``fillmask models``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from fillmask.cli import options
from fillmask.cli.errors import reported


@click.command("models")
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(exists=True, file_okay=False))
@options.as_json
def models_command(*, folders: tuple[str, ...], as_json: bool) -> None:
    """List the models on this machine: embedded, in each FOLDER and its subfolders, and in the cache of the hub.

    The first column is what --model takes. FOLDER is the current one by default.
    """
    with reported(code=2):
        from fillmask.artifact.listing import list_models

        found = [*list_models(folders or (".",))]
    if as_json:
        for each in found:
            click.echo(json.dumps(asdict(each)))
        return
    width = max(len(each.name) for each in found) if found else 0
    for each in found:
        click.echo(f"{each.name:{width}}  {each.place:9}  {each.bytes / 1e6:8.1f} MB  {', '.join(each.variants)}")
