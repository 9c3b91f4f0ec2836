"""Clients that attack a server, all at once: ``python -m tests.reliability.attackers HOST PORT SECONDS``.

Each kind costs a server that does not bound it its memory, its event loop or its queue. A client repeats its attack as
soon as the server has dealt with it. The last line of the output counts the attacks of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

UNIGRAM = "/models/unigram"
_LONG = "word " * 407 + "[MASK]"
# The heaviest texts come first, so that a stream is weighed by them, and then lines as large as they can be.
_STREAM = {"inputs": [_LONG] * 8 + ["[MASK]" * 16] * 9000, "parameters": {"top_k": 100}}
_LINES = "Accept: application/x-ndjson"


def post(body: Any, *headers: str, path: str = "/", host: str = "localhost") -> bytes:
    """A request; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


# Made once: the attackers share the machine with the server.
_SLOW_STREAM = post(_STREAM, _LINES)
_FAST_STREAM = post({**_STREAM, "parameters": {"top_k": 20}}, _LINES)
_GROWING = "telecommunications " * 240 + "[MASK] " * 16
_TARGETS = [f"{'qz' * 29}{index:03}\u00e9" for index in range(256)]
_CHUNKS = post(b"", "Transfer-Encoding: chunked").partition(b"Content-Length")[0] + b"\r\n" + b"1\r\n \r\n" * 100_000
_COSTLY = {
    "tokenize": {
        "CJK": post({"inputs": ["\u6587" * 19_990 + "[MASK]"] * 17}),
        "expanding": post({"inputs": ["\ufdfa" * 19_990 + "[MASK]"] * 17}, path=UNIGRAM),
        "expanding targets": post({"inputs": "[MASK]", "parameters": {"targets": ["\ufdfa" * 64] * 256}}, path=UNIGRAM),
    },
    "grow": {
        "masks": post({"inputs": "[MASK]" * 2400, "parameters": {"top_k": 100}}),
        "large response": post({"inputs": [_GROWING] * 4, "parameters": {"top_k": 100}}),
        "warnings": post({"inputs": ["[MASK]"] * 500, "parameters": {"targets": _TARGETS}}, _LINES),
        "scores": post({"inputs": "word " * 180}, path="/score"),
    },
    "malform": {
        "numbers": post(b'{"inputs":[' + b"1," * 250_000 + b"1]}"),
        "brackets": post(b"[" * 100_000),
        "empty texts": post(b'{"inputs":[' + b'"",' * 250_000 + b'""]}'),
        "chunks": _CHUNKS + b"0\r\n\r\n",
        "headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000,
        "origin": post({"inputs": "[MASK]"}, "Origin: http://evil.example"),
        "host": post({"inputs": "[MASK]"}, host="evil.example"),
    },
}


@dataclass
class Target:
    """A server under attack.

    Attributes:
        host: The server's.
        port: The server's.
        counts: Attacks that ended, by kind and status of the response; 0 where there was none.
    """

    host: str
    port: int
    counts: Counter[str] = field(default_factory=Counter)

    async def connect(self, buffer: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; a small receive buffer makes a slow reader."""
        connection = socket.socket()
        connection.setblocking(False)
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        await asyncio.get_running_loop().sock_connect(connection, (self.host, self.port))
        return await asyncio.open_connection(sock=connection, limit=1 << 16)

    async def ask_all(self, requests: dict[str, bytes]) -> None:
        """Send requests one after the other."""
        for kind, content in requests.items():
            with contextlib.suppress(OSError):
                await self.ask(kind, content)

    async def ask(self, kind: str, *content: bytes, gap: float = 0.1) -> None:
        """Send a request in parts, read its response, and count it."""
        reader, writer = await self.connect()
        try:
            for index, part in enumerate(content):
                await asyncio.sleep(gap if index else 0)
                writer.write(part)
            status = await asyncio.wait_for(reader.read(12), 90)
            self.counts[f"{kind} {status[9:12].decode() or 0}"] += 1
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(1 << 22), 0.5)
        finally:
            writer.close()


async def pipelined(target: Target) -> None:
    """Requests of 18 bytes, as many as fit, whose responses nobody reads."""
    _, writer = await target.connect()
    try:
        for _ in range(100):
            writer.write(b"GET / HTTP/1.1\r\n\r\n" * 2000)
            await asyncio.wait_for(writer.drain(), 10)
    finally:
        target.counts["pipelined"] += 1
        writer.close()


async def read_slowly(target: Target) -> None:
    """A stream whose client reads 13 kB a second."""
    reader, writer = await target.connect(4096)
    try:
        writer.write(_SLOW_STREAM)
        while await reader.read(2048):
            await asyncio.sleep(0.15)
    finally:
        target.counts["slow streams"] += 1
        writer.close()


async def read_well(target: Target) -> None:
    """A stream of 9008 texts whose client reads at once."""
    reader, writer = await target.connect()
    try:
        writer.write(_FAST_STREAM)
        while await reader.read(1 << 16):
            pass
    finally:
        target.counts["streams"] += 1
        writer.close()


async def leave(target: Target) -> None:
    """A stream whose client leaves, by a reset."""
    _, writer = await target.connect()
    writer.write(_SLOW_STREAM)
    await asyncio.sleep(random.uniform(0, 1))
    writer.transport.abort()
    target.counts["left"] += 1


async def tokenize(target: Target) -> None:
    """Texts and targets that take long to tokenize."""
    await target.ask_all(_COSTLY["tokenize"])


async def grow(target: Target) -> None:
    """Small requests for large responses, or for as many rows as tokens."""
    await target.ask_all(_COSTLY["grow"])


async def malform(target: Target) -> None:
    """Bodies and heads that cost a parser much, pages of other sites, and a request for an upgrade."""
    await target.ask_all(_COSTLY["malform"])
    inner = b"GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = post(inner, "Connection: Upgrade", "Upgrade: h2c")[: -len(inner)]
    await target.ask("upgrade", head, inner)


async def idle(target: Target) -> None:
    """A connection that sends nothing, or half a request, until the server closes it."""
    reader, writer = await target.connect()
    try:
        writer.write(random.choice([b"", b"GET / HTTP/1.1\r\nX:", post(b"{}")[:-1]]))
        await reader.read()
    finally:
        target.counts["idle"] += 1
        writer.close()


Attack = Callable[[Target], Awaitable[None]]
CLIENTS: dict[Attack, int] = {
    pipelined: 4, read_slowly: 16, read_well: 8, leave: 2, tokenize: 2, grow: 1, malform: 1, idle: 300,
}  # fmt: skip
# Between two attacks of a client: what Retry-After says.
_PAUSE_S = 1.0


async def attack(target: Target, seconds: float) -> Counter[str]:
    """Run all clients at once for some seconds."""

    async def repeat(one: Attack) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                await one(target)
            await asyncio.sleep(random.uniform(0, 2 * _PAUSE_S))

    tasks = [asyncio.create_task(repeat(one)) for one, count in CLIENTS.items() for _ in range(count)]
    _, waiting = await asyncio.wait(tasks, timeout=seconds)
    while waiting:
        for task in waiting:  # again: until Python 3.12 wait_for ignores a cancellation when its future is done
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=1)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    defects = [error for error in ended if not isinstance(error, asyncio.CancelledError)]
    if defects:
        raise RuntimeError(f"an attacker failed: {defects[0]!r}")
    return target.counts


if __name__ == "__main__":
    print(json.dumps(asyncio.run(attack(Target(sys.argv[1], int(sys.argv[2])), float(sys.argv[3])))))  # noqa: T201
