"""Every setting of the server, declared once: the source of its flag, variable, default and help.

A setting ``max_texts`` is the flag ``--max-texts`` and the variable ``FILLMASK_MAX_TEXTS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from fillmask.errors import InputError

_Value = TypeVar("_Value")


def _setting(
    default: _Value,
    text: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
) -> _Value:
    metadata = {"help": text, "least": least, "most": most, "choices": choices}
    made: _Value = field(default=default, metadata=metadata)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of the server. Each has its meaning in its help text.

    Raises:
        InputError: A setting is out of its range.
    """

    host: str = _setting("127.0.0.1", "Address to listen on. All but loopback need a key or --no-auth.")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one, shown in the log.", least=0, most=65_535)
    api_key: tuple[str, ...] = _setting((), "API key, sent as `Authorization: Bearer KEY`; repeatable.")
    api_key_file: Path | None = _setting(None, "File of API keys, one a line.")  # noqa: RUF009 -- a field
    no_auth: bool = _setting(False, "Listen beyond loopback without a key.")
    allowed_host: tuple[str, ...] = _setting(
        (), "Name in the Host header besides this machine's; repeatable. On loopback without a key, others get 403."
    )
    cors_origin: tuple[str, ...] = _setting(
        (), "Origin whose pages may use the API in a browser, as https://example.org, or *; repeatable."
    )
    variant: str = _setting("auto", "Variant of every model: fp32, int8, ….")
    provider: tuple[str, ...] = _setting(
        (),
        "Execution provider, NAME or NAME:option=value,…; repeatable.  [default: CUDA if it starts, else CPU]",
    )
    threads: int | None = _setting(None, "Concurrent runs, one thread each.  [default: the CPU budget]", least=1)

    max_batch: int = _setting(16, "Texts of a run; of equal length where padding changes scores.", least=1)
    max_body_bytes: int = _setting(1 << 20, "Bytes of a body, counted while it arrives.", least=1)
    max_held_bytes: int = _setting(
        64 << 20, "Bytes of the bodies of all requests that have no complete response yet; beyond them 429.", least=1
    )
    max_texts: int = _setting(32, "Texts of a request.", least=1)
    max_stream_texts: int = _setting(10_000, "Texts of a request with a response in NDJSON.", least=1)
    max_characters: int = _setting(20_000, "Characters of a text; tokenizers are slow on long texts.", least=1)
    max_masks: int = _setting(16, "Masks of a text; each needs one row of logits over the vocabulary.", least=1)
    max_request_masks: int = _setting(64, "Masks of a request; bounds the size of its response.", least=1)
    max_response_bytes: int = _setting(
        16 << 20, "Bytes of the predictions in a response, or in a line of NDJSON.", least=1
    )
    max_top_k: int = _setting(100, "Predictions for a mask, or filled texts of `/infill`.", least=1)
    max_targets: int = _setting(256, "Targets, or tokens of an alphabet, of a request.", least=1)
    max_candidates: int = _setting(1000, "Candidates or label words of a request.", least=1)
    max_reads: int = _setting(4096, "Rows that a request may run; a text to score counts one for each token.", least=1)

    # Three seconds of work for two cores with VNNI and a small model, eight without. Virtual machines do pause for one
    # or two seconds, and the requests of a pause are not an overload.
    max_requests: int = _setting(2048, "Requests in the queue or in a run; the next gets 429.", least=1)
    max_queue_tokens: int = _setting(65_536, "Estimated tokens in the queue or in a run; beyond them 429.", least=1)
    max_connections: int = _setting(
        4096, "Connections; at the next, the one that waits longest for a request is closed, or it gets 429.", least=1
    )
    timeout_ms: int = _setting(10_000, "Deadline of a request without `x-request-timeout-ms`.", least=1)
    max_timeout_ms: int = _setting(60_000, "Longest deadline that a request may set.", least=1)
    receive_timeout: float = _setting(
        10.0, "Seconds for a client to send a request, and to read a response.", least=0.1
    )
    keep_alive: float = _setting(5.0, "Seconds that an idle connection stays open.", least=0.1)
    drain_grace: float = _setting(2.0, "Seconds after SIGTERM with the port open, but not ready.", least=0)
    drain_timeout: float = _setting(25.0, "Seconds after that for requests in flight to finish.", least=0)

    log_format: str = _setting("text", "Format of the log on standard error.", choices=("text", "json"))
    log_level: str = _setting("info", "Lowest level to log.", choices=("debug", "info", "warning", "error"))
    log_texts: bool = _setting(False, "Log the texts too; they may be private.")
    otlp_endpoint: str | None = _setting(None, "Send OpenTelemetry traces to this URL (extra `otel`).")

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each, getattr(self, each.name))
        if self.timeout_ms > self.max_timeout_ms:
            raise InputError(f"timeout_ms must be at most max_timeout_ms, {self.max_timeout_ms}, got {self.timeout_ms}")

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _check(each: Field[Any], value: object) -> None:
    least, choices = each.metadata["least"], each.metadata["choices"]
    if least is not None and value is not None and (not isinstance(value, (int, float)) or not value >= least):
        raise InputError(f"{each.name} must be at least {least}, got {value!r}")
    most = each.metadata["most"]
    if most is not None and isinstance(value, (int, float)) and value > most:
        raise InputError(f"{each.name} must be at most {most}, got {value!r}")
    if choices and value not in choices:
        raise InputError(f"{each.name} must be one of {', '.join(choices)}, got {value!r}")


def options() -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """Make one click option for each setting, in the order of their declaration."""
    return [_option(each, get_type_hints(Settings)[each.name]) for each in fields(Settings)]


def _option(each: Field[Any], hint: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: ANN401
    import click

    class Option(click.Option):
        """Passes over a variable that Kubernetes sets for a service of the same name, as FILLMASK_PORT=tcp://…."""

        def resolve_envvar_value(self, ctx: click.Context) -> str | None:
            value = super().resolve_envvar_value(ctx)
            if each.name != "port" or value is None or "://" not in value:
                return value
            click.echo(f"FILLMASK_PORT is passed over: {value!r} is no port, Kubernetes sets it for services", err=True)
            return None

    multiple = each.type is not None and hint == tuple[str, ...]
    kind = hint if isinstance(hint, type) else get_args(hint)[0]
    known: dict[str, Any] = {"is_flag": True} if kind is bool else {"type": str if multiple else kind}
    if each.metadata["choices"]:
        known["type"] = click.Choice(each.metadata["choices"])
    elif kind is Path:
        known["type"] = click.Path(path_type=Path)
    shown = each.default not in (None, ()) and kind is not bool
    return click.option(
        "--" + each.name.replace("_", "-"),
        cls=Option,
        envvar="FILLMASK_" + each.name.upper(),
        show_envvar=True,
        multiple=multiple,
        default=each.default,
        show_default=shown,
        help=each.metadata["help"],
        **known,
    )
