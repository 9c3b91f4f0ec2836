"""The model of a command: ``--model`` everywhere and, where there are no texts, an argument as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem


class ModelName(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """A folder, a hub id, a hub id with ``@REVISION``, or an embedded model's name."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The models of ``fillmask models`` that begin so, else folders."""
        from fillmask.artifact.listing import list_models

        names = [each.name for each in list_models() if each.name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="dir")]


_HELP = "A model folder, a hub id, or ID@REVISION.  [default: minilm-en, which is embedded]"
option = click.option("-m", "--model", type=ModelName(), help=_HELP)


def find_checkpoint(checkpoint: str, revision: str | None = None) -> tuple[str, str | None]:
    """Give the name and the revision of a checkpoint, before the packages that read it are imported, which takes 10 s.

    Args:
        checkpoint: A folder, or a hub id with or without ``@REVISION``.
        revision: Branch, tag or commit of a hub id.

    Raises:
        ArtifactError: It is neither a folder nor on the hub.
    """
    from fillmask.artifact.naming import hub_id, is_folder

    if is_folder(checkpoint):
        return checkpoint, revision
    name, revision = hub_id(checkpoint, revision)
    from fillmask.artifact.hub import find_commit

    find_commit(name, revision)
    return name, revision


def argument_or_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its model as the argument MODEL or as ``--model``."""

    @wraps(command)
    def called(*, named: str | None, model: str | None, **given: Any) -> Any:  # noqa: ANN401 -- the command's own
        if named is not None and model is not None:
            raise click.UsageError(f"The model is given twice, as MODEL {named!r} and as --model {model!r}.")
        return command(model=named if model is None else model, **given)

    return click.argument("named", required=False, metavar="[MODEL]", type=ModelName())(option(called))
