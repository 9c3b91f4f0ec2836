"""The command ``fillmask info``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from fillmask.cli import options
from fillmask.cli.errors import reported

if TYPE_CHECKING:
    from fillmask.model import Model

_PACKAGES = ("fillmask", "onnxruntime", "tokenizers", "numpy")


@click.command("info")
@options.model_argument
@options.variant
@options.provider
@options.as_json
def info_command(*, model: str | None, variant: str, provider: tuple[str, ...], as_json: bool) -> None:
    """Show a model and what it runs on."""
    with reported(code=2):
        from fillmask import FillMask

        facts = _facts(FillMask(model, variant=variant, providers=options.parse_providers(provider)).model)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name.replace('_', ' '):20} {_format(value)}")


def _facts(model: Model) -> dict[str, Any]:
    import onnxruntime

    from fillmask.environment import versions

    artifact, session = model.artifact, model.session
    return {
        "model": artifact.source,
        "folder": str(artifact.folder),
        "revision": artifact.revision,
        "architecture": artifact.manifest.get("architecture"),
        "variants": list(artifact.variants),
        "variant": model.variant,
        "mask_token": model.tokenizer.mask_token,
        "mask_token_id": model.tokenizer.mask_token_id,
        "vocab_size": model.vocab_size,
        "max_length": model.max_length,
        "providers": session.providers,
        "nodes": session.nodes or None,
        "available_providers": onnxruntime.get_available_providers(),
        "threads": session.threads,
        "versions": [f"{name} {found}" for name, found in versions(_PACKAGES).items()],
    }


def _format(value: object) -> object:
    if isinstance(value, dict):
        total = sum(value.values())
        return ", ".join(f"{name} {count} ({count / total:.0%})" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
