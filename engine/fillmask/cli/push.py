"""The command ``fillmask push``."""

from __future__ import annotations

import click

from fillmask.cli.errors import fail, reported
from fillmask.errors import ArtifactError, IntegrityError


@click.command("push")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.argument("model_id", metavar="ID")
@click.option("--private", is_flag=True, help="Make a new model private.")
@click.option("--revision", help="An existing branch.  [default: main]")
@click.option("--message", help="The commit's message.")
def push_command(*, folder: str, model_id: str, private: bool, revision: str | None, message: str | None) -> None:
    """Upload the model FOLDER, with its card, to the hub as ID, and print the commit's address.

    Every file is hashed before. HF_TOKEN holds your key.
    """
    with reported(code=1):
        from fillmask.artifact.publishing import push_to_hub

        try:
            click.echo(push_to_hub(folder, model_id, private=private, revision=revision, message=message))
        except IntegrityError:
            raise
        except ArtifactError as error:
            fail(str(error), code=2)
