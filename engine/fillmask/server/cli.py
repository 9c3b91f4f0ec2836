"""The command `fillmask serve`."""

from __future__ import annotations

import sys
from typing import Any

import click
from click.core import ParameterSource

from fillmask.cli.errors import fail, imported
from fillmask.cli.model import ModelName
from fillmask.cli.option_groups import grouped
from fillmask.errors import FillMaskError
from fillmask.server.settings import Settings, options

_GROUPS = {
    "Model": ("named", "variant", "provider", "threads", "max_batch"),
    "Network": ("host", "port", "max_connections", "keep_alive"),
    "Access": ("api_key", "api_key_file", "no_auth", "allowed_host", "cors_origin"),
    "Limits of a request": (
        *("max_body_bytes", "max_texts", "max_stream_texts", "max_characters", "max_masks", "max_request_masks"),
        *("max_response_bytes", "max_top_k", "max_targets", "max_candidates", "max_reads"),
    ),
    "Limits of all requests": ("max_requests", "max_queue_tokens", "max_held_bytes"),
    "Deadlines and shutdown": ("timeout_ms", "max_timeout_ms", "receive_timeout", "drain_grace", "drain_timeout"),
    "Logs and traces": ("log_format", "log_level", "log_texts", "otlp_endpoint"),
}


@click.command("serve", cls=grouped(_GROUPS), context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("models", nargs=-1, metavar="[MODEL]...", envvar="FILLMASK_MODELS", type=ModelName())
@click.option("-m", "--model", "named", multiple=True, type=ModelName(), help="As MODEL; repeatable.")
def serve_command(models: tuple[str, ...], named: tuple[str, ...], **values: Any) -> None:  # noqa: ANN401 -- settings, which Settings checks
    """Serve models over HTTP, with the fill-mask API of Hugging Face.

    MODEL is a folder, a hub id or ID@REVISION, alone or as NAME=MODEL. The first model serves requests that name none.
    Without MODEL the embedded English model is served.
    """
    with imported("the server", "server"):
        from fillmask.server.lifecycle import serve
        from fillmask.server.logs import configure
    try:
        settings = Settings(**values)
        configure(settings.log_format, settings.log_level)
        code = serve((*_unless_from_the_environment(models, named), *named), settings)
    except FillMaskError as error:
        fail(str(error), code=2)
    sys.exit(code)


def _unless_from_the_environment(models: tuple[str, ...], named: tuple[str, ...]) -> tuple[str, ...]:
    """The models; those of the variable stand for arguments, and give way to ``--model`` as they do."""
    source = click.get_current_context().get_parameter_source("models")
    return () if named and source is ParameterSource.ENVIRONMENT else models


for _option in options():
    _option(serve_command)
