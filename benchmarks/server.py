"""What the server costs: ``python -m benchmarks.server``.

Three questions. What does a lone client wait for longer than a call of the library takes? What share of the library's
offline rate does the server reach with as many clients as keep it busy? At what rate of Poisson arrivals does the 99th
percentile of the latency, counted from when a request was due, stay under a bound?

Library and server run by turns in each round, on the same texts. The library's offline rate is that of
``predict_many`` with a worker for each core and one text a run, and again with batches as the server forms them.
"""

from __future__ import annotations

import socket
import statistics
from time import perf_counter
from typing import Any

import click

from benchmarks import results
from benchmarks.serving.load import Load, bodies_of, closed_loop, open_loop, percentile, poisson, run
from benchmarks.serving.process import TEXT, Served, serve
from fillmask import FillMask

_WORDS = "the library is next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
# Words of the texts: most are short, few are long.
_LENGTHS = (6, 8, 10, 12, 14, 17, 20, 22, 25, 30, 33, 40, 50, 60, 90, 120)
_CLIENTS = 16
_BATCH = 16


@click.command()
@click.option("--rounds", default=15, show_default=True, help="Rounds of each comparison.")
@click.option("--bound", default=100.0, show_default=True, help="Milliseconds that p99 may take.")
def main(rounds: int, bound: float) -> None:
    """Time the server beside the library."""
    fill_mask = FillMask(threads=1)
    with serve() as server:
        record: dict[str, Any] = {"lone": _lone(server, fill_mask, rounds), "busy": {}}
        for name, texts in (("short", [TEXT] * 16), ("mixed", [_text(length) for length in _LENGTHS])):
            record["busy"][name] = _busy(server, fill_mask, texts, rounds)
        rate = statistics.median(record["busy"]["mixed"]["server"])
        record["rate"] = {"bound_ms": bound, "saturation": rate, "tried": _rates(server, rate, bound)}
    print(results.write("server", record))


def _text(length: int) -> str:
    return " ".join((_WORDS * 8)[:length]) + " [MASK]."


def _lone(server: Served, fill_mask: FillMask, rounds: int) -> dict[str, Any]:
    library, served = [], []
    (request,) = Load(*server.address, bodies_of([TEXT])).requests
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds + 1):
            library.append(statistics.median(_timed(fill_mask.predict, TEXT) for _ in range(40)))
            served.append(statistics.median(_timed(_ask, connection, request) for _ in range(40)))
    added = statistics.median(there - here for here, there in zip(library[1:], served[1:], strict=True))
    print(f"a lone client: library {statistics.median(library):.2f} ms, server {statistics.median(served):.2f} ms, "
          f"added {added:.2f} ms")  # fmt: skip
    return {"library_ms": library[1:], "server_ms": served[1:], "added_ms": added}


def _timed(function: Any, *arguments: object) -> float:  # noqa: ANN401 -- any function
    start = perf_counter()
    function(*arguments)
    return (perf_counter() - start) * 1e3


def _ask(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 200 "), received
    while b"}]" not in received[-4:]:
        received += connection.recv(65536)


def _busy(server: Served, fill_mask: FillMask, texts: list[str], rounds: int) -> dict[str, Any]:
    load = Load(*server.address, bodies_of(texts))
    rates: dict[str, list[float]] = {"library": [], "library_batches": [], "server": []}
    for _ in range(rounds):
        rates["library"].append(_offline(fill_mask, texts * 12, batch_size=1))
        rates["library_batches"].append(_offline(fill_mask, texts * 12, batch_size=_BATCH))
        start = perf_counter()
        replies = run(closed_loop(load, _CLIENTS, 1.0))
        assert all(reply.status == 200 for reply in replies)
        rates["server"].append(len(replies) / (perf_counter() - start))
    shares = {name: results.ratio(rates["server"], rates[name]) for name in ("library", "library_batches")}
    print(f"{_CLIENTS} clients: {statistics.median(rates['server']):.0f} texts/s, {shares['library']:.2f} of the "
          f"library, {shares['library_batches']:.2f} of it with batches")  # fmt: skip
    return rates | {"shares": shares}


def _offline(fill_mask: FillMask, texts: list[str], *, batch_size: int) -> float:
    from fillmask.cpu import available_threads

    start = perf_counter()
    answers = list(fill_mask.predict_many(texts, batch_size=batch_size, workers=available_threads()))
    return len(answers) / (perf_counter() - start)


def _rates(server: Served, saturation: float, bound: float) -> list[dict[str, float]]:
    """Halve the interval between no load and saturation, four times."""
    load, low, high = Load(*server.address, bodies_of([_text(length) for length in _LENGTHS])), 0.0, 1.2 * saturation
    tried = []
    for seed in range(4):
        rate = (low + high) / 2
        replies = run(open_loop(load, poisson(rate, 8.0, seed)))
        failed = sum(reply.status != 200 for reply in replies)
        p99 = percentile([reply.latency for reply in replies], 0.99) * 1e3
        within = not failed and p99 <= bound
        low, high = (rate, high) if within else (low, rate)
        tried.append({"rate": rate, "p99_ms": p99, "failed": failed})
    print(f"p99 within {bound:.0f} ms up to {low:.0f} texts/s, {low / saturation:.2f} of saturation")
    return tried


if __name__ == "__main__":
    main()
