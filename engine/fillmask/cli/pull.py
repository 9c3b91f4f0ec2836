"""The command ``fillmask pull``."""

from __future__ import annotations

import click

from fillmask.cli import options
from fillmask.cli.errors import fail, reported


@click.command("pull")
@click.argument("model_id", metavar="ID")
@click.option("--revision", help="Branch, tag or commit; as ID@REVISION.  [default: main]")
@options.variant
def pull_command(*, model_id: str, revision: str | None, variant: str) -> None:
    """Fetch one variant of the hub model ID into the hub's cache, check its files, and print its folder.

    HF_HOME names the folder of the cache, HF_ENDPOINT another hub, HF_TOKEN a key.
    """
    with reported(code=2):
        from fillmask.artifact.folder import open_artifact
        from fillmask.artifact.naming import is_folder
        from fillmask.errors import ArtifactError, IntegrityError

        if model_id and is_folder(model_id):
            raise ArtifactError(f"{model_id} is a folder here, not a model of the hub; --model takes it as it is")
        artifact = open_artifact(model_id, variant=variant, revision=revision)
        chosen = artifact.choose(variant)
        try:
            artifact.check_weights(artifact.graph(chosen))
        except IntegrityError as error:
            fail(str(error), code=1)
    click.echo(f"{artifact.source}@{artifact.revision}: variant {chosen}", err=True)
    click.echo(artifact.folder)
