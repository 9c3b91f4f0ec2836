"""The model of a command: ``--model`` everywhere and, where there are no texts, an argument as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem


class ModelName(click.ParamType):
    """A folder, a hub id, a hub id with ``@REVISION``, or an embedded model's name."""

    name = "model"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The models of ``fillmask models`` that begin so, else folders."""
        from fillmask.artifact.listing import list_models

        names = [each.name for each in list_models() if each.name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="dir")]


_HELP = "A model folder, a hub id, or ID@REVISION.  [default: minilm-en, which is embedded]"
option = click.option("-m", "--model", type=ModelName(), help=_HELP)


def argument_or_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its model as the argument MODEL or as ``--model``."""

    @wraps(command)
    def called(*, named: str | None, model: str | None, **given: Any) -> Any:  # noqa: ANN401 -- the command's own
        if named is not None and model is not None:
            raise click.UsageError(f"The model is given twice, as MODEL {named!r} and as --model {model!r}.")
        return command(model=named if model is None else model, **given)

    return click.argument("named", required=False, metavar="[MODEL]", type=ModelName())(option(called))
