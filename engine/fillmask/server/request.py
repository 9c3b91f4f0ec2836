"""From the body of a request to a ``TaskRequest``: read within its limits, parsed strictly, each field checked."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from fillmask.parameters import DEFAULT_TOP_K
from fillmask.server.aside import ASIDE
from fillmask.server.context import BODY_COMPLETE, HOLD, RECEIVE_DEADLINE, context_of
from fillmask.server.http_errors import HttpError, shortened
from fillmask.server.json_limits import check_values
from fillmask.server.schema import Body, Parameters
from fillmask.server.settings import Settings

B = TypeVar("B", bound=BaseModel)
NDJSON = "application/x-ndjson"
MAX_WORD_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A request for a verb, within its limits.

    Attributes:
        texts: The texts.
        single: Whether ``inputs`` was one text rather than a list.
        arguments: Arguments of the verb, which hold for every text.
        timeout: Seconds to its deadline, counted from its headers.
        stream: Whether each text gets its own line of NDJSON.
        warnings: Which members were ignored.
        size: Bytes of its body.
    """

    texts: list[str]
    single: bool
    arguments: dict[str, Any]
    timeout: float
    stream: bool
    warnings: list[str]
    size: int


async def receive(
    request: Request,
    settings: Settings,
    body_type: type[Body],
    parameters_type: type[Parameters],
    read_arguments: Callable[[Any, Settings], dict[str, Any]] | None = None,
) -> TaskRequest:
    """Receive and check a request whose body has ``inputs`` and ``parameters``.

    Args:
        request: As it arrives.
        settings: The limits.
        body_type: The schema of the body.
        parameters_type: The schema of its ``parameters``.
        read_arguments: Checks the parameters against the limits and gives the arguments of the verb; None takes them as
            they are.

    Raises:
        HttpError: 400, 408, 413, 415, 422 or 429.
        ClientDisconnect: The client disconnected before the body was complete.
    """
    timeout = read_timeout(request.headers, settings)
    stream = wants_stream(request.headers)
    content = await read_body(request, settings)

    def parsed() -> TaskRequest:
        body = parse(content, body_type, settings)
        parameters = body.parameters or parameters_type.model_construct()
        return TaskRequest(
            texts=read_texts(body.inputs, settings, stream=stream),
            single=isinstance(body.inputs, str),
            arguments=read_arguments(parameters, settings) if read_arguments else known_members(parameters),
            timeout=timeout,
            stream=stream,
            warnings=ignored_members(parameters, body),
            size=len(content),
        )

    started = monotonic() if stream else context_of(request.scope).started
    return await ASIDE.run(len(content), parsed, started, timeout)


def known_members(parameters: BaseModel) -> dict[str, Any]:
    """Give the members that the schema knows."""
    return parameters.model_dump(exclude=set(parameters.model_extra or ()))


def parse(content: bytes, kind: type[B], settings: Settings) -> B:
    """Parse a body.

    Args:
        content: As received.
        kind: The schema.
        settings: The limits.

    Raises:
        HttpError: 400 if it is not JSON, 413 if it has too many values, 422 if the JSON does not fit the schema; the
            message names the field.
    """
    check_values(content, settings)
    try:
        return kind.model_validate_json(content.removeprefix(BOM_UTF8))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise HttpError(400, f"the body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}") from None
        # For a union the location also has the member that pydantic tried, which is not a field.
        parts = [str(part) for part in first["loc"] if not str(part).startswith(("str", "list[", "constrained"))]
        raise HttpError(422, f"{'.'.join(parts) or 'the body'}: {first['msg']}") from None


async def read_body(request: Request, settings: Settings) -> bytes:
    """Read a body within its limits of size and time.

    Raises:
        HttpError: 408, 413 or 415.
        ClientDisconnect: The client disconnected before the body was complete.
    """
    _check_type(request.headers)
    limit = settings.max_body_bytes
    if int(request.headers.get("content-length", 0)) > limit:
        raise _too_large(limit)
    if BODY_COMPLETE in request.scope:  # most bodies arrive together with their headers
        return await _read(request, limit)
    # The headers have used a part of the time already, if the protocol recorded when the first byte arrived.
    deadline = request.scope.get(RECEIVE_DEADLINE, anyio.current_time() + settings.receive_timeout)
    with anyio.CancelScope(deadline=deadline):
        return await _read(request, limit)
    raise HttpError(408, f"the body did not arrive within {settings.receive_timeout:g} s", {"connection": "close"})


async def _read(request: Request, limit: int) -> bytes:
    received, hold = bytearray(), request.scope[HOLD]
    async for chunk in request.stream():
        if len(received) + len(chunk) > limit:
            raise _too_large(limit)
        if not hold.take(len(chunk)):
            raise HttpError(429, "the bodies of all requests are too large together; retry after a second")
        received += chunk
    return bytes(received)


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"the body is larger than {limit} bytes; send fewer texts at a time")


def _check_type(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HttpError(415, f"the body must be JSON: send Content-Type: application/json, got {shortened(kind)}")
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise HttpError(415, f"the body must not be compressed: omit Content-Encoding, got {shortened(coding)}")


def read_texts(inputs: str | list[str], settings: Settings, *, stream: bool) -> list[str]:
    """Check the texts of a request against the limits.

    Raises:
        HttpError: 422.
    """
    texts = [inputs] if isinstance(inputs, str) else inputs
    most = settings.max_stream_texts if stream else settings.max_texts
    if len(texts) > most:
        more = "" if stream else f"; with Accept: {NDJSON}, one line a text, {settings.max_stream_texts} are allowed"
        raise HttpError(422, f"inputs: a request has at most {most} texts, got {len(texts)}{more}")
    for index, text in enumerate(texts):
        if len(text) > settings.max_characters:
            where = "inputs" if isinstance(inputs, str) else f"inputs[{index}]"
            raise HttpError(422, f"{where}: a text has at most {settings.max_characters} characters, got {len(text)}")
    return texts


def read_top_k(given: int | None, settings: Settings) -> int:
    """Check ``top_k`` against the limit; without it the default, as far as the limit allows.

    Raises:
        HttpError: 422.
    """
    if given is None:
        return min(DEFAULT_TOP_K, settings.max_top_k)
    if given > settings.max_top_k:
        raise HttpError(422, f"parameters.top_k: at most {settings.max_top_k}, got {given}")
    return given


def check_words(words: Sequence[str], where: str, most: int, longest: int, noun: str) -> None:
    """Check the number and the lengths of words, before they are looked up.

    Args:
        words: Targets, candidates or the like.
        where: Their field.
        most: How many there may be.
        longest: Characters that each may have.
        noun: What one of them is.

    Raises:
        HttpError: 422.
    """
    if len(words) > most:
        raise HttpError(422, f"{where}: at most {most} {noun}s, got {len(words)}")
    for index, word in enumerate(words):
        if len(word) > longest:
            raise HttpError(422, f"{where}[{index}]: a {noun} has at most {longest} characters, got {len(word)}")


def wants_stream(headers: Mapping[str, str]) -> bool:
    """Return whether the client accepts a line of NDJSON for each text."""
    return NDJSON in headers.get("accept", "")


def read_timeout(headers: Mapping[str, str], settings: Settings) -> float:
    """Give the seconds to the deadline of a request.

    Raises:
        HttpError: 422.
    """
    given = headers.get("x-request-timeout-ms")
    if given is None:
        return settings.timeout_ms / 1000
    digits = given.lstrip("0") if given.isascii() and given.isdigit() else ""
    # A number of more digits exceeds the limit, and Python refuses to read one of 4300.
    timeout = int(digits) if 0 < len(digits) <= len(str(settings.max_timeout_ms)) else 0
    if not 1 <= timeout <= settings.max_timeout_ms:
        allowed = f"x-request-timeout-ms must be a whole number from 1 to {settings.max_timeout_ms}"
        raise HttpError(422, f"{allowed}, got {shortened(given)}")
    return timeout / 1000


def ignored_members(parameters: BaseModel, body: BaseModel) -> list[str]:
    """Warn of unknown members: the task's schema allows them, but they have no effect."""
    names = [f"parameters.{name}" for name in parameters.model_extra or ()] + list(body.model_extra or ())
    return [f"{shortened(name)} is not known here and was ignored" for name in names]
