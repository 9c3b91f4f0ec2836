"""What the shell completes where the type of a parameter does not say it: each is a ``shell_complete`` of click."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, by the shell itself."""
    return [CompletionItem(incomplete, type="file")]


def folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, by the shell itself."""
    return [CompletionItem(incomplete, type="dir")]


def variants(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The variants of the model that the command names, or else of every model on this machine."""
    from fillmask.artifact.folder import EMBEDDED
    from fillmask.artifact.listing import list_models

    named = ctx.params.get("model")
    if named is None and not any(each.name == "named" for each in ctx.command.params):  # click keeps no argument here
        named = EMBEDDED.name
    found = {each.name: each.variants for each in list_models([".", *([named] if named else [])])}
    known = found.get(named or "") or sorted({variant for each in found.values() for variant in each})
    return [variant for variant in ("auto", *known) if variant.startswith(incomplete)]


def verbs(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The verbs of ``fillmask batch``."""
    from fillmask.files.verbs import VERBS

    return [verb for verb in VERBS if verb.startswith(incomplete)]


def providers(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The execution providers of this ONNX Runtime, by their short names."""
    from fillmask.runtime.providers import available_names

    return [name for name in available_names() if name.startswith(incomplete.lower())]
