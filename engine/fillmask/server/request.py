"""A request's body to a ``Query``: received within its limits, parsed strictly, every field checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anyio
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from fillmask.encoding import PLACEHOLDERS, Truncation
from fillmask.parameters import DEFAULT_TOP_K
from fillmask.server.context import ARRIVED, RECEIVE_BY
from fillmask.server.http_errors import Refusal, shortened
from fillmask.server.schema import Body, Parameters
from fillmask.server.settings import Settings

NDJSON = "application/x-ndjson"
_TARGET_CHARACTERS = 64
_NOTHING_ASKED = Parameters.model_construct()


@dataclass(frozen=True, slots=True)
class Ask:
    """What holds for every text of a request: the arguments of ``FillMask.predict``."""

    top_k: int
    targets: tuple[str, ...] | None
    truncation: Truncation | None


@dataclass(frozen=True, slots=True)
class Query:
    """A checked request.

    Attributes:
        texts: The texts.
        single: Whether ``inputs`` was one text and no list.
        ask: What is asked of each.
        timeout: Seconds from its arrival in which it must be answered.
        stream: Whether each text is answered by a line of its own.
        warnings: What was ignored.
    """

    texts: list[str]
    single: bool
    ask: Ask
    timeout: float
    stream: bool
    warnings: list[str]


async def receive(request: Request, settings: Settings) -> Query:
    """Receive and check a request.

    Raises:
        Refusal: 400, 408, 413, 415 or 422.
        ClientDisconnect: The client has gone.
    """
    headers = request.headers
    timeout = _timeout(headers, settings)
    stream = NDJSON in headers.get("accept", "")
    body = parse(await _body(request, settings))
    asked = body.parameters or _NOTHING_ASKED
    return Query(
        texts=_texts(body.inputs, settings, stream=stream),
        single=isinstance(body.inputs, str),
        ask=_ask(asked, settings),
        timeout=timeout,
        stream=stream,
        warnings=_ignored(asked, body),
    )


def parse(content: bytes) -> Body:
    """Parse a body.

    Raises:
        Refusal: 400 if it is no JSON, 422 if it is not the JSON of a question; names the field.
    """
    try:
        return Body.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Refusal(400, f"the body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}") from None
        # Of a union pydantic names the member that it tried, which is no field.
        parts = [str(part) for part in first["loc"] if not str(part).startswith(("str", "list[", "constrained"))]
        raise Refusal(422, f"{'.'.join(parts) or 'the body'}: {first['msg']}") from None


async def _body(request: Request, settings: Settings) -> bytes:
    _check_type(request.headers)
    limit = settings.max_body_bytes
    if int(request.headers.get("content-length", 0)) > limit:
        raise _too_large(limit)
    if ARRIVED in request.scope:  # as most do, in one piece with the headers
        return await _read(request, limit)
    # Where the transport knows when the first byte came, the body has what the headers left of the time.
    receive_by = request.scope.get(RECEIVE_BY, anyio.current_time() + settings.receive_timeout)
    with anyio.CancelScope(deadline=receive_by):
        return await _read(request, limit)
    raise Refusal(408, f"the body did not arrive within {settings.receive_timeout:g} s", {"connection": "close"})


async def _read(request: Request, limit: int) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        if len(received) + len(chunk) > limit:
            raise _too_large(limit)
        received += chunk
    return bytes(received)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"the body is larger than {limit} bytes; send fewer texts at a time")


def _check_type(headers: Headers) -> None:
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refusal(415, f"the body must be JSON: send Content-Type: application/json, got {shortened(kind)}")
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise Refusal(415, f"a compressed body is not read: leave out Content-Encoding, got {shortened(coding)}")


def _texts(inputs: str | list[str], settings: Settings, *, stream: bool) -> list[str]:
    texts = [inputs] if isinstance(inputs, str) else inputs
    most = settings.max_stream_texts if stream else settings.max_texts
    if len(texts) > most:
        more = "" if stream else f"; with Accept: {NDJSON} it takes {settings.max_stream_texts}, answered line by line"
        raise Refusal(422, f"inputs: a request takes at most {most} texts, got {len(texts)}{more}")
    masks = 0
    for index, text in enumerate(texts):
        masks += _check_text(text, "inputs" if isinstance(inputs, str) else f"inputs[{index}]", settings)
    if masks > settings.max_request_masks and not stream:
        raise Refusal(422, f"inputs: a request has at most {settings.max_request_masks} masks, got {masks}")
    return texts


def _check_text(text: str, where: str, settings: Settings) -> int:
    if len(text) > settings.max_characters:
        raise Refusal(422, f"{where}: a text has at most {settings.max_characters} characters, got {len(text)}")
    masks = sum(text.count(mask) for mask in PLACEHOLDERS)
    if masks > settings.max_masks:
        raise Refusal(422, f"{where}: a text has at most {settings.max_masks} masks, got {masks}")
    return masks


def _ask(asked: Parameters, settings: Settings) -> Ask:
    top_k = DEFAULT_TOP_K if asked.top_k is None else asked.top_k
    if top_k > settings.max_top_k:
        raise Refusal(422, f"parameters.top_k: at most {settings.max_top_k}, got {top_k}")
    targets = [asked.targets] if isinstance(asked.targets, str) else asked.targets
    if targets is None:
        return Ask(top_k, None, asked.truncation)
    if len(targets) > settings.max_targets:
        raise Refusal(422, f"parameters.targets: at most {settings.max_targets} words, got {len(targets)}")
    for index, target in enumerate(targets):
        if len(target) > _TARGET_CHARACTERS:
            where = f"parameters.targets[{index}]"
            raise Refusal(422, f"{where}: a word has at most {_TARGET_CHARACTERS} characters, got {len(target)}")
    return Ask(top_k, tuple(targets), asked.truncation)


def _timeout(headers: Mapping[str, str], settings: Settings) -> float:
    given = headers.get("x-request-timeout-ms")
    if given is None:
        return settings.timeout_ms / 1000
    allowed = f"x-request-timeout-ms must be a whole number from 1 to {settings.max_timeout_ms}"
    if not (given.isascii() and given.isdigit()) or not 1 <= int(given[:12]) <= settings.max_timeout_ms:
        raise Refusal(422, f"{allowed}, got {shortened(given)}")
    return int(given) / 1000


def _ignored(asked: Parameters, body: Body) -> list[str]:
    """Members that are not known: the task's schema allows them, but nobody should believe that they work."""
    names = [f"parameters.{name}" for name in asked.model_extra or ()] + list(body.model_extra or ())
    return [f"{shortened(name)} is not known here and was ignored" for name in names]


__all__ = ["NDJSON", "Ask", "ClientDisconnect", "Query", "parse", "receive"]
