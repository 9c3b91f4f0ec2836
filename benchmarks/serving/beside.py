"""A server and the library side by side, on the same texts and the same cores.

They run by turns in each round. The library's rates are those of ``predict_many`` with a worker for each core, one text
a run and in the batches that the server forms too. The clients that keep the server busy run beside it on the same
cores; what they take of them is in the notes.
"""

from __future__ import annotations

import json
import random
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

import click

from benchmarks.harness.records import Comparison, Row
from benchmarks.harness.rounds import progress
from benchmarks.harness.stats import claim, percentile, ratio
from benchmarks.serving.load import Load, bodies_of, closed_loop, open_loop, poisson, run
from benchmarks.serving.process import TEXT, Served
from fillmask import FillMask
from fillmask.bench.ratios import Ratio
from fillmask.runtime.cpu import available_threads

_WORDS = "the library is next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
# Words of the texts: most are short, few are long.
_LENGTHS = (6, 8, 10, 12, 14, 17, 20, 22, 25, 30, 33, 40, 50, 60, 90, 120)
_CLIENTS, _LISTS, _BATCH = 64, 8, 16
_CALLS, _SECONDS, _RATE_SECONDS = 40, 1.0, 8.0
_PRECISION = "int8"
SETTINGS = {"clients": _CLIENTS, "clients_with_lists": _LISTS, "batch": _BATCH, "seconds": _SECONDS}


def _text(length: int) -> str:
    return " ".join((_WORDS * 8)[:length]) + " [MASK]."


TEXTS = {"short": [TEXT] * 16, "mixed": [_text(length) for length in _LENGTHS]}


class Beside:
    """What was measured of a server."""

    def __init__(self, server: Served, rounds: int) -> None:
        self.rows: list[Row] = []
        self.comparisons: list[Comparison] = []
        self.controls: dict[str, Ratio] = {}
        self.steadiness: dict[str, list[float]] = {}
        self._server, self._rounds = server, rounds
        self._library = FillMask(threads=1)
        self._saturation = 0.0

    def lone(self) -> None:
        """Milliseconds that a client waits for a short text, beside the call of the library."""
        (request,) = Load(*self._server.address, bodies_of([TEXT])).requests
        with self._server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            calls: dict[str, Callable[[], object]] = {
                "library": lambda: self._library.predict(TEXT),
                "library-again": lambda: self._library.predict(TEXT),
                "server": lambda: _ask(connection, request),
            }
            times = self._by_turns("one client", calls, _milliseconds)
        case = {"clients": 1, "text": "short"}
        added = statistics.median(there - here for here, there in zip(times["library"], times["server"], strict=True))
        self._keep(case, times, "ms", {"server": f"added {added:.2f} ms in the median round"})
        click.echo(f"one client: added {added:.2f} ms to {statistics.median(times['library']):.2f} ms")
        speeds = {name: [1 / each for each in values] for name, values in times.items()}
        self._compare(case, speeds, "server", "library")

    def busy(self, name: str, texts: list[str]) -> None:
        """Texts a second with as many clients as keep the server busy."""
        taken: list[float] = []
        one, lists = bodies_of(texts), [json.dumps({"inputs": texts}).encode()]
        calls: dict[str, Callable[[], float]] = {
            "library": lambda: self._offline(texts, 1),
            "library-again": lambda: self._offline(texts, 1),
            "library-batches": lambda: self._offline(texts, _BATCH),
            "library-batches-again": lambda: self._offline(texts, _BATCH),
            "server": lambda: self._served(one, _CLIENTS, 1, taken),
            "server-lists": lambda: self._served(lists, _LISTS, len(texts), []),
        }
        rates = self._by_turns(f"many clients, {name}", calls, lambda call: call())
        case, share = {"clients": _CLIENTS, "text": name}, statistics.median(taken)
        notes = {
            "server": f"the clients took {share:.0%} of the cores",
            "server-lists": f"{_LISTS} clients, {len(texts)} texts a request",
        }
        self._keep(case, rates, "texts/s", notes)
        self._saturation = statistics.median(rates["server"])
        for ours in ("server", "server-lists"):
            for baseline in ("library", "library-batches"):
                self._compare(case, rates, ours, baseline)

    def rates(self, bound: float) -> list[dict[str, float]]:
        """Halve the interval between no load and saturation, four times, for the rate whose p99 is within a bound."""
        load = Load(*self._server.address, bodies_of(TEXTS["mixed"]))
        low, high, tried = 0.0, 1.2 * self._saturation, []
        for seed in range(4):
            rate = (low + high) / 2
            replies = run(open_loop(load, poisson(rate, _RATE_SECONDS, seed)))
            failed = sum(reply.status != 200 for reply in replies)
            p99 = percentile([reply.latency for reply in replies], 99) * 1e3
            low, high = (rate, high) if not failed and p99 <= bound else (low, rate)
            tried.append({"rate": rate, "p99_ms": p99, "failed": failed})
        click.echo(f"p99 within {bound:.0f} ms up to {low:.0f} texts/s, {low / self._saturation:.2f} of saturation")
        return tried

    def _by_turns(
        self, label: str, calls: dict[str, Callable[[], Any]], measure: Callable[[Callable[[], Any]], float]
    ) -> dict[str, list[float]]:
        """One value a round of each, in an order that each round draws anew; a round before them does not count."""
        source = random.Random(0)  # noqa: S311 -- no secret
        found: dict[str, list[float]] = {name: [] for name in calls}
        with progress(range(self._rounds + 1), label) as counted:
            for number in counted:
                for name in source.sample(list(calls), len(calls)):
                    value = measure(calls[name])
                    if number:
                        found[name].append(value)
        return found

    def _keep(self, case: dict[str, Any], values: dict[str, list[float]], unit: str, notes: dict[str, str]) -> None:
        for name, samples in values.items():
            self.rows.append(Row(name, _PRECISION, case, unit, samples, notes=notes.get(name, "")))

    def _compare(self, case: dict[str, Any], speeds: dict[str, list[float]], ours: str, baseline: str) -> None:
        """Speeds of ours beside another's, and of that one beside itself."""
        found, control = (ratio("texts/s", speeds[name], speeds[baseline]) for name in (ours, f"{baseline}-again"))
        said = ", ".join([*(f"{name} {value}" for name, value in case.items()), baseline])
        self.controls[said], self.steadiness[said] = control, speeds[baseline]
        click.echo(f"{case} {ours} / {baseline}: {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]")
        numbers = found.value, found.low, found.high, control.low, control.high
        self.comparisons.append(Comparison(ours, baseline, case, *numbers, claim("texts/s", found, control)))

    def _offline(self, texts: list[str], batch_size: int) -> float:
        """Texts a second of the library."""
        many, start = texts * 24, time.perf_counter()
        answers = list(self._library.predict_many(many, batch_size=batch_size, workers=available_threads()))
        return len(answers) / (time.perf_counter() - start)

    def _served(self, bodies: list[bytes], clients: int, texts: int, taken: list[float]) -> float:
        """Texts a second of the server; adds the clients' share of the cores to ``taken``."""
        start, used = time.perf_counter(), time.process_time()
        replies = run(closed_loop(Load(*self._server.address, bodies, keep=1000), clients, _SECONDS))
        seconds = time.perf_counter() - start
        taken.append((time.process_time() - used) / seconds / available_threads())
        if any(reply.status != 200 for reply in replies):
            raise click.ClickException(f"the server failed: {[reply for reply in replies if reply.status != 200][:3]}")
        return texts * len(replies) / seconds


def _milliseconds(call: Callable[[], object]) -> float:
    """The median of some calls."""
    times = []
    for _ in range(_CALLS):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def _ask(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    received = connection.recv(65536)
    if not received.startswith(b"HTTP/1.1 200 "):
        raise click.ClickException(f"the server answered {received[:200]!r}")
    while b"}]" not in received[-4:]:
        received += connection.recv(65536)
