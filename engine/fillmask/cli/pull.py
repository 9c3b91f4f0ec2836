"""The command ``fillmask pull``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fillmask.cli import options
from fillmask.cli.errors import fail, reported
from fillmask.errors import ArtifactError, IntegrityError

if TYPE_CHECKING:
    from fillmask.artifact.folder import Artifact


@click.command("pull")
@click.argument("model_id", metavar="ID")
@click.option("--revision", help="Branch, tag or commit; as ID@REVISION.  [default: main]")
@options.variant
def pull_command(*, model_id: str, revision: str | None, variant: str) -> None:
    """Fetch one variant of the hub model ID into the hub's cache, check its files, and print its folder.

    Files are hashed if the model has a manifest. The tokenizer is opened, and weights beside the graph are there.

    HF_HOME names the folder of the cache, HF_ENDPOINT another hub, HF_TOKEN a key.
    """
    with reported(code=2):
        from fillmask.artifact.folder import open_artifact
        from fillmask.artifact.naming import is_folder

        if model_id and is_folder(model_id):
            raise ArtifactError(f"{model_id} is a folder here, not a model of the hub; --model takes it as it is")
        artifact = open_artifact(model_id, variant=variant, revision=revision)
        chosen = artifact.choose(variant)
        try:
            _check(artifact, chosen)
        except IntegrityError as error:
            fail(str(error), code=1)
    click.echo(f"{artifact.source}@{artifact.revision}: variant {chosen}", err=True)
    click.echo(artifact.folder)


def _check(artifact: Artifact, variant: str) -> None:
    """Check what the hub gave, as far as that goes without a session of ONNX Runtime.

    Raises:
        ArtifactError: The graph or the tokenizer cannot be read.
        IntegrityError: A file is missing, or differs from the one that the manifest lists.
    """
    from fillmask.artifact.tokenizer import open_tokenizer
    from fillmask.runtime.opening import files_of

    graph = artifact.graph(variant)
    if artifact.manifest:
        artifact.check_all()
    else:
        files_of(graph.content, None)  # opens each
    open_tokenizer(artifact)
