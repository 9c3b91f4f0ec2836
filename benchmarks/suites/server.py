"""The server beside the library, on the same texts and the same cores, with one client and with many.

Both take turns in each round. The library's rates are those of ``predict_many`` with a worker for each core: one text a
run, and in the batches that the server forms too. The clients run on the same cores; the notes give their share.
"""

from __future__ import annotations

import json
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.harness.options import SuiteOptions
from benchmarks.harness.records import Row, case_name
from benchmarks.harness.result import Case, SuiteResult
from benchmarks.harness.rounds import Rounds, run_rounds
from benchmarks.harness.suite import suite_command
from benchmarks.harness.worker import ContenderError
from fillmask import FillMask
from fillmask.runtime.cpu import available_threads
from tests.load.generator import Load, bodies_of, closed_loop, run
from tests.support.serving import TEXT, Served, serve

_ROUNDS = {"quick": 5, "full": 15}
_WORDS = "the library is next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
# Words of each text: most texts are short, few are long.
_LENGTHS = (6, 8, 10, 12, 14, 17, 20, 22, 25, 30, 33, 40, 50, 60, 90, 120)
_TEXTS = {"short": [TEXT] * 16, "mixed": [" ".join((_WORDS * 8)[:length]) + " [MASK]." for length in _LENGTHS]}
_CLIENTS, _LISTS, _BATCH = 64, 8, 16
_CALLS, _SECONDS = 40, 1.0
_LIBRARY, _BATCHES, _SERVER, _SERVER_LISTS = "library", "library-batches", "server", "server-lists"


def measure(options: SuiteOptions, _: None = None) -> SuiteResult:
    """Time the server beside the library."""
    rounds, library = options.rounds or _ROUNDS[options.profile], FillMask(threads=1)
    result = SuiteResult({"rounds": rounds, "clients": _CLIENTS, "clients_with_lists": _LISTS, "batch": _BATCH,
                          "seconds": _SECONDS})  # fmt: skip
    with serve() as server:
        times = run_rounds(_one_client(server, library), rounds, "one client")
        _add(result, {"clients": 1, "text": "short"}, "ms", times)
        for name, texts in _TEXTS.items():
            shares: list[float] = []
            rates = run_rounds(_many_clients(server, library, texts, shares), rounds, f"many clients, {name}")
            case: Case = {"clients": _CLIENTS, "text": name}
            notes = dict[str, str]()
            if shares:
                notes = {_SERVER: f"the clients took {statistics.median(shares):.0%} of the cores"}
            _add(result, case, "texts/s", rates, notes)
    return result


def _one_client(server: Served, library: FillMask) -> dict[str, Callable[[], float]]:
    """Milliseconds that a client waits for a short text, beside the library's call."""
    (request,) = Load(*server.address, bodies_of([TEXT])).requests

    def requests() -> float:
        with server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _milliseconds(partial(_send, connection, request))

    calls = partial(_milliseconds, partial(library.predict, TEXT))
    return {_LIBRARY: calls, f"{_LIBRARY}-again": calls, _SERVER: requests}


def _many_clients(
    server: Served, library: FillMask, texts: list[str], shares: list[float]
) -> dict[str, Callable[[], float]]:
    """Texts a second with enough clients to keep the server busy; their share of the cores goes to ``shares``."""
    lists = [json.dumps({"inputs": texts}).encode()]
    alone, batches = (partial(_library_rate, library, texts * 24, size) for size in (1, _BATCH))
    return {
        _LIBRARY: alone,
        f"{_LIBRARY}-again": alone,
        _BATCHES: batches,
        f"{_BATCHES}-again": batches,
        _SERVER: partial(_server_rate, server, bodies_of(texts), _CLIENTS, shares),
        _SERVER_LISTS: lambda: len(texts) * _server_rate(server, lists, _LISTS, []),
    }


def _add(
    result: SuiteResult,
    case: Case,
    unit: str,
    rounds: Rounds[str, float],
    notes: dict[str, str] | None = None,
) -> None:
    """Each baseline has a control of its own."""
    values = rounds.samples
    result.rows += [
        Row(name, "int8", case, unit, each, notes=(notes or {}).get(name, "")) for name, each in values.items()
    ]
    result.rows += [Row(name, "int8", case, unit, [], failed=why) for name, why in rounds.failed.items()]
    for baseline in (_LIBRARY, _BATCHES):
        pairs, control = [(name, baseline) for name in (_SERVER, _SERVER_LISTS)], (baseline, f"{baseline}-again")
        name = f"{case_name(case)}, {baseline}"
        result.compare(case, unit, values, control=control, pairs=pairs, name=name)


def _library_rate(library: FillMask, texts: Sequence[str], batch_size: int) -> float:
    """Texts a second of the library."""
    start = time.perf_counter()
    predictions = list(library.predict_many(texts, batch_size=batch_size, workers=available_threads()))
    return len(predictions) / (time.perf_counter() - start)


def _server_rate(server: Served, bodies: list[bytes], clients: int, shares: list[float]) -> float:
    """Requests a second of the server; appends the clients' share of the cores to ``shares``."""
    start, used = time.perf_counter(), time.process_time()
    results = run(closed_loop(Load(*server.address, bodies, keep=1000), clients, _SECONDS))
    seconds = time.perf_counter() - start
    shares.append((time.process_time() - used) / seconds / available_threads())
    if failed := [result for result in results if result.status != 200]:
        raise ContenderError(f"the server failed: {failed[:3]}")
    return len(results) / seconds


def _milliseconds(call: Callable[[], object]) -> float:
    """The median of some calls."""
    times = []
    for _ in range(_CALLS):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def _send(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    received = connection.recv(65536)
    if not received.startswith(b"HTTP/1.1 200 "):
        raise ContenderError(f"the server sent {received[:200]!r}")
    while b"}]" not in received[-4:]:
        received += connection.recv(65536)


command = suite_command("server", measure, "Time the server beside the library.", models=())
