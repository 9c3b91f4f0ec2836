"""A real server in a process of its own, and a plain client of it: for tests, the scorecard and ``benchmarks``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

TEXT = "Paris is the [MASK] of France."
JSON = {"content-type": "application/json"}
KEY, OTHER_KEY = "correct-horse", "battery-staple"

Json: TypeAlias = Any
"""Any value of JSON."""


@dataclass(frozen=True)
class Reply:
    """A response: its status, its headers in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body, parsed."""
        assert self.headers["content-type"] == "application/json", (self.headers, self.body)
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error response, whose form is checked."""
        assert set(self.json) == {"error", "error_type"}
        assert all(isinstance(value, str) and value for value in self.json.values())
        return str(self.json["error"])


@dataclass
class Served:
    """A running server.

    Attributes:
        url: Of its root.
        process: The server's.
        lines: Its log so far, one JSON document a line.
    """

    url: str
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)

    def request(self, method: str, path: str, body: Json = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request on a new connection; a body that is not bytes is sent as JSON."""
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            return exchange(connection, method, path, body, headers)
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a GET request."""
        return self.request("GET", path, headers=headers)

    def ask(self, inputs: Json, path: str = "/", headers: Mapping[str, str] | None = None, **parameters: Json) -> Reply:
        """Send a fill-mask request for one text or several."""
        return self.request("POST", path, {"inputs": inputs, "parameters": parameters}, headers)

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(self.address, timeout=30)

    def events(self, name: str, **facts: Json) -> list[dict[str, Any]]:
        """The log's documents of an event that hold these values."""
        found = [json.loads(line) for line in list(self.lines)]
        return [each for each in found if each["event"] == name and facts.items() <= each.items()]

    def metric(self, name: str, headers: Mapping[str, str] | None = None) -> float:
        """The value of a metric; ``name`` includes its labels as Prometheus writes them."""
        for line in self.get("/metrics", headers).body.decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no metric {name}")

    def stop(self, sig: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(sig)
        return self.process.wait(timeout)


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Json = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send a request on a connection and read its response."""
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, content, (JSON if body is not None else {}) | dict(headers or {}))
    response = connection.getresponse()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def raw(server: Served, content: bytes, timeout: float = 15) -> bytes:
    """Send bytes; read until the server closes the connection or pauses."""
    with server.connect() as connection:
        connection.sendall(content)
        return rest(connection, timeout)


def rest(connection: socket.socket, timeout: float = 15) -> bytes:
    """Read until the server closes the connection or sends nothing for ``timeout`` seconds."""
    connection.settimeout(timeout)
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def wait_for(condition: Callable[[], object], timeout: float = 60) -> None:
    """Wait until a condition holds, at most ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {timeout} s"
        time.sleep(0.01)


@contextmanager
def serve(*flags: str, environment: Mapping[str, str] | None = None, prelude: str = "") -> Iterator[Served]:
    """Run a server on a free port of loopback; its log must hold no traceback.

    Args:
        flags: Flags of ``fillmask serve``.
        environment: Additional environment variables.
        prelude: Python that runs before the server starts, to plant a fault.
    """
    script = f"{prelude}\nimport runpy\nrunpy.run_module('fillmask', run_name='__main__')"  # older versions too
    command = [sys.executable, "-c", script, "serve", "--port", "0", "--log-format", "json", *flags]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUTF8": "1"} | dict(environment or {})
    )
    served = Served("", process)
    reader = threading.Thread(target=_read, args=(served,))
    reader.start()
    try:
        wait_for(lambda: (served.lines and served.events("serving")) or process.poll() is not None, 60)
        assert process.poll() is None, served.lines
        served.url = served.events("serving")[0]["url"]
        yield served
    finally:
        process.kill()
        process.wait()
        reader.join()
        if process.stderr:
            process.stderr.close()
    tracebacks = [line for line in served.lines if "traceback" in line.lower()]
    assert not tracebacks, (len(tracebacks), *tracebacks[:3])


def _read(served: Served) -> None:
    for line in served.process.stderr or ():
        served.lines.append(line)  # one at a time: other threads read the list meanwhile
