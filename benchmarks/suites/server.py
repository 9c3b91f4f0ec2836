"""The server beside the library, on the same texts and the same cores: one client, many, and the rate within a bound.

Both take turns in each round. The library's rates are those of ``predict_many`` with a worker for each core: one text a
run, and in the batches that the server forms too. The clients run on the same cores; the notes give their share.
"""

from __future__ import annotations

import json
import socket
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.harness.options import Profile, results_folder
from benchmarks.harness.records import Row, case_name
from benchmarks.harness.result import Case, SuiteResult
from benchmarks.harness.rounds import run_rounds
from benchmarks.harness.suite import make_record, report
from fillmask import FillMask
from fillmask.runtime.cpu import available_threads
from tests.load.generator import Load, bodies_of, closed_loop, open_loop, poisson, run
from tests.support.serving import TEXT, Served, serve

_ROUNDS = {"quick": 5, "full": 15}
_WORDS = "the library is next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
# Words of each text: most texts are short, few are long.
_LENGTHS = (6, 8, 10, 12, 14, 17, 20, 22, 25, 30, 33, 40, 50, 60, 90, 120)
_TEXTS = {"short": [TEXT] * 16, "mixed": [" ".join((_WORDS * 8)[:length]) + " [MASK]." for length in _LENGTHS]}
_CLIENTS, _LISTS, _BATCH = 64, 8, 16
_CALLS, _SECONDS, _RATE_SECONDS = 40, 1.0, 8.0
_SETTINGS = {"clients": _CLIENTS, "clients_with_lists": _LISTS, "batch": _BATCH, "seconds": _SECONDS}


@click.command()
@click.option("--profile", type=click.Choice(["quick", "full"]), default="full", show_default=True)
@click.option("--rounds", type=click.IntRange(3), help="Instead of the profile's.")
@click.option("--bound", default=100.0, show_default=True, help="Milliseconds that p99 may take.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the record.")
def command(profile: Profile, rounds: int | None, bound: float, out: Path | None) -> None:
    """Time the server beside the library."""
    again = f"python -m benchmarks server --profile {profile}" + (f" --rounds {rounds}" if rounds else "")
    record = make_record("server", profile, again, lambda: _measure(rounds or _ROUNDS[profile], bound))
    report(record, out or results_folder(profile))


def _measure(rounds: int, bound: float) -> SuiteResult:
    with serve() as server:
        found = Beside(server, rounds)
        found.one_client()
        for name, texts in _TEXTS.items():
            found.many_clients(name, texts)
        tried = found.rates(bound)
    found.result.params |= {"rounds": rounds, "bound_ms": bound, "tried": tried, **_SETTINGS}
    return found.result


class Beside:
    """A running server beside the library.

    Args:
        server: The server.
        rounds: Of each comparison.

    Attributes:
        result: What was measured. Each case has a control for each of its baselines.
    """

    def __init__(self, server: Served, rounds: int) -> None:
        self.result = SuiteResult()
        self._server, self._rounds = server, rounds
        self._library = FillMask(threads=1)
        self._saturation = 0.0

    def one_client(self) -> None:
        """Milliseconds that a client waits for a short text, beside the library's call."""
        (request,) = Load(*self._server.address, bodies_of([TEXT])).requests
        with self._server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            calls: dict[str, Callable[[], object]] = {
                "library": lambda: self._library.predict(TEXT),
                "library-again": lambda: self._library.predict(TEXT),
                "server": lambda: _send(connection, request),
            }
            blocks = {name: partial(_milliseconds, call) for name, call in calls.items()}
            times = run_rounds(blocks, self._rounds, "one client").samples
        case = {"clients": 1, "text": "short"}
        added = statistics.median(there - here for here, there in zip(times["library"], times["server"], strict=True))
        self._keep(case, "ms", times, {"server": f"added {added:.2f} ms in the median round"})
        click.echo(f"one client: added {added:.2f} ms to {statistics.median(times['library']):.2f} ms")
        self._compare(case, "ms", times, ["server"])

    def many_clients(self, name: str, texts: list[str]) -> None:
        """Texts a second with enough clients to keep the server busy."""
        shares: list[float] = []
        one, lists = bodies_of(texts), [json.dumps({"inputs": texts}).encode()]
        blocks = {
            "library": partial(self._library_rate, texts, 1),
            "library-again": partial(self._library_rate, texts, 1),
            "library-batches": partial(self._library_rate, texts, _BATCH),
            "library-batches-again": partial(self._library_rate, texts, _BATCH),
            "server": partial(self._server_rate, one, _CLIENTS, 1, shares),
            "server-lists": partial(self._server_rate, lists, _LISTS, len(texts), []),
        }
        rates = run_rounds(blocks, self._rounds, f"many clients, {name}").samples
        case, share = {"clients": _CLIENTS, "text": name}, statistics.median(shares)
        notes = {
            "server": f"the clients took {share:.0%} of the cores",
            "server-lists": f"{_LISTS} clients, {len(texts)} texts a request",
        }
        self._keep(case, "texts/s", rates, notes)
        self._saturation = statistics.median(rates["server"])
        self._compare(case, "texts/s", rates, ["server", "server-lists"])

    def rates(self, bound: float) -> list[dict[str, float]]:
        """Bisect between no load and saturation, four times, for the highest rate whose p99 is within the bound."""
        load = Load(*self._server.address, bodies_of(_TEXTS["mixed"]))
        low, high, tried = 0.0, 1.2 * self._saturation, []
        for seed in range(4):
            rate = (low + high) / 2
            results = run(open_loop(load, poisson(rate, _RATE_SECONDS, seed)))
            failed = sum(result.status != 200 for result in results)
            p99 = float(np.percentile([result.latency for result in results], 99)) * 1e3
            low, high = (rate, high) if not failed and p99 <= bound else (low, rate)
            tried.append({"rate": rate, "p99_ms": p99, "failed": failed})
        click.echo(f"p99 within {bound:.0f} ms up to {low:.0f} texts/s, {low / self._saturation:.2f} of saturation")
        return tried

    def _keep(self, case: Case, unit: str, values: Mapping[str, Sequence[float]], notes: Mapping[str, str]) -> None:
        self.result.rows += [
            Row(name, "int8", case, unit, list(each), notes=notes.get(name, "")) for name, each in values.items()
        ]

    def _compare(self, case: Case, unit: str, values: Mapping[str, list[float]], ours: Sequence[str]) -> None:
        """Each baseline has a control of its own."""
        for baseline in ("library", "library-batches"):
            pairs, control = [(name, baseline) for name in ours], (baseline, f"{baseline}-again")
            name = f"{case_name(case)}, {baseline}"
            self.result.compare(case, unit, values, control=control, pairs=pairs, name=name)

    def _library_rate(self, texts: list[str], batch_size: int) -> float:
        """Texts a second of the library."""
        many, start = texts * 24, time.perf_counter()
        predictions = list(self._library.predict_many(many, batch_size=batch_size, workers=available_threads()))
        return len(predictions) / (time.perf_counter() - start)

    def _server_rate(self, bodies: list[bytes], clients: int, texts: int, shares: list[float]) -> float:
        """Texts a second of the server; appends the clients' share of the cores to ``shares``."""
        start, used = time.perf_counter(), time.process_time()
        results = run(closed_loop(Load(*self._server.address, bodies, keep=1000), clients, _SECONDS))
        seconds = time.perf_counter() - start
        shares.append((time.process_time() - used) / seconds / available_threads())
        if failed := [result for result in results if result.status != 200]:
            raise click.ClickException(f"the server failed: {failed[:3]}")
        return texts * len(results) / seconds


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
        raise click.ClickException(f"the server sent {received[:200]!r}")
    while b"}]" not in received[-4:]:
        received += connection.recv(65536)
