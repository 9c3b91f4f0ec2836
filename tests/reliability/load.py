"""The server under load: steady, with more and more clients, and for long."""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from collections import Counter
from itertools import accumulate

import numpy as np
import psutil

from fillmask import FillMask
from tests.load.generator import Load, Result, bodies_of, closed_loop, open_loop, percentile, poisson, run
from tests.reliability.row import Row, Scale
from tests.support.serving import Served, serve

WORDS = "the library stands next to the town hall and on friday evenings it stays open until nine".split()  # noqa: SIM905
CLIENTS = 64
RUNGS = (1, 2, 4, 8, 16, 32, 64, 128)


def texts(count: int, least: int, most: int, seed: int = 7) -> list[str]:
    """Texts of ``least`` to ``most`` words, each with one mask."""
    source = random.Random(seed)
    made = []
    for _ in range(count):
        words = source.choices(WORDS, k=source.randint(least, most))
        words[source.randrange(len(words))] = "[MASK]"
        made.append(" ".join(words))
    return made


def load_on(server: Served, bodies: list[bytes], keep: int = 100) -> Load:
    return Load(*server.address, bodies=bodies, keep=keep)


def saturation(server: Served, bodies: list[bytes], seconds: float) -> float:
    """Requests a second in a closed loop of 64 clients, enough to keep the server busy: the median of three runs."""
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        results = run(closed_loop(load_on(server, bodies), CLIENTS, seconds / 3))
        rates.append(sum(result.status == 200 for result in results) / (time.perf_counter() - start))
    return statistics.median(rates)


def steady(scale: Scale) -> list[Row]:
    """Row 1: at 0.7 of saturation no request fails and all predictions are right. The first failure ends it."""
    some = texts(64, 6, 60)
    with serve() as server:
        bodies = bodies_of(some)
        rate = 0.7 * saturation(server, bodies, scale.seconds(10))
        alone = run(closed_loop(load_on(server, bodies), 1, scale.seconds(5)))
        times = poisson(rate, scale.seconds(600, 3), seed=1)
        results = run(open_loop(load_on(server, bodies), times, give_up=lambda result: result.status != 200))
    statuses = Counter(result.status for result in results)
    failed = len(results) - statuses.pop(200, 0)
    wrong = _wrong([result for result in results if result.status == 200 and result.body], some)
    middle = percentile([result.latency for result in alone], 0.5)
    p50, p99, p999 = (percentile([result.latency for result in results], share) for share in (0.5, 0.99, 0.999))
    how = f" (by status {dict(statuses)})" if failed else ""
    figure = (
        f"{failed} of {len(results)} failed{how}, {wrong} wrong; p50 {_ms(p50)}, p99 {_ms(p99)}, p99.9 {_ms(p999)}; "
        f"unloaded p50 {_ms(middle)}; {rate:.0f} requests/s for {results[-1].due:.0f} s"
    )
    passed = not failed and not wrong
    return [Row("load", "Poisson arrivals at 0.7 of saturation", "0 failed, 0 wrong", figure, passed)]


def _wrong(results: list[Result], some: list[str]) -> int:
    fill_mask = FillMask(threads=1)
    return sum(not _same(json.loads(result.body), fill_mask(some[result.which])) for result in results)


def _same(predictions: list[dict], expected: list[dict]) -> bool:
    pairs = list(zip(predictions, expected, strict=True))
    return all(abs(one["score"] - other["score"]) < 1e-5 and one["token"] == other["token"] for one, other in pairs)


def ladder(scale: Scale) -> list[Row]:
    """Row 2: more clients do not lower the rate."""
    rates, others = {}, {}
    with serve() as server:
        # Equal texts that wait share a row of a run, which is less work. So no two clients have the same text at once.
        bodies = bodies_of(texts(2 * RUNGS[-1], 6, 60))
        for clients in RUNGS:
            start = time.perf_counter()
            results = run(closed_loop(load_on(server, bodies), clients, scale.seconds(10)))
            good = sum(result.status == 200 for result in results)
            rates[clients], others[clients] = good / (time.perf_counter() - start), len(results) - good
    return [rungs(rates, others)]


def rungs(rates: dict[int, float], others: dict[int, int]) -> Row:
    """The row of responses with status 200 a second, and of those with another status, by clients.

    The knee is the first rung with 0.9 of the best rate. If that is the last rung, the rate still grew there.
    """
    before = list(accumulate(rates.values(), max))
    least = min(rate / max(best, 1e-9) for best, rate in zip(before, list(rates.values())[1:], strict=False))
    knee, last = min(clients for clients, rate in rates.items() if rate >= 0.9 * before[-1]), max(rates)
    reached = f"saturation from {knee} clients on" if knee < last else f"saturation not reached with {last} clients"
    failed = sum(count for clients, count in others.items() if clients <= CLIENTS)
    beyond = sum(others.values()) - failed
    shown = ", ".join(f"{clients}: {rate:.0f}" for clients, rate in rates.items())
    figure = (f"{failed} failed, {beyond} beyond {CLIENTS} clients; "
              f"each at least {least:.2f} of the best with fewer clients; {reached}; by clients {shown}")  # fmt: skip
    test = f"closed loop with 1 to {last} clients, {2 * last} texts: responses with status 200 a second"
    criterion = f"0 failed to {CLIENTS}; each rate ≥ 0.9 of the best with fewer clients"
    return Row("load", test, criterion, figure, not failed and least >= 0.9)


LEAK = """
from fillmask.server.middleware import Middleware
record, kept = Middleware._record, []
def leaking(*arguments):
    kept.append(bytearray({size}))
    record(*arguments)
Middleware._record = leaking
"""


def soak(scale: Scale) -> list[Row]:
    """Row 5: memory does not grow; the same measurement detects a server that is made to leak."""
    rows = []
    for name, flags, leak in (("soak", 300, None), ("soak of a server that leaks 1 kB a request", 60, 1024)):
        slope, requests, left = _slope(scale.seconds(flags, 4), leak)
        found = slope > 1.0
        figure = f"{slope:+.2f} MB per 10,000 requests over the last {requests}; {left:+d} open files after it"
        criterion = "> 1 MB per 10,000: the control must fail" if leak else "≤ 1 MB per 10,000 requests; files ± 5"
        passed = found if leak else not found and abs(left) <= 5
        rows.append(Row("load", f"{name}, random lengths, half of saturation", criterion, figure, passed))
    return rows


def _slope(seconds: float, leak: int | None) -> tuple[float, int, int]:
    """MB of memory per 10,000 requests, without the first fifth of the time; those requests; files left open."""
    prelude = LEAK.format(size=leak) if leak else ""
    with serve("--log-level", "info", prelude=prelude) as server:
        bodies = bodies_of(texts(200, 3, 120))
        rate = 0.5 * saturation(server, bodies, min(10.0, seconds / 3))
        process, samples, done = psutil.Process(server.process.pid), [], threading.Event()
        files = _open_files(process)
        sampling = threading.Thread(target=_sample, args=(server, process, samples, done))
        sampling.start()
        run(open_loop(load_on(server, bodies), poisson(rate, seconds, seed=3)))
        done.set()
        sampling.join()
        left = _open_files(process) - files
    counts, memory = np.transpose(samples[len(samples) // 5 :])
    return float(np.polyfit(counts, memory, 1)[0]) * 1e4 / 1e6, int(counts[-1] - counts[0]), left


def _open_files(process: psutil.Process) -> int:
    """The open files, once the server has closed the connections of the load before."""
    time.sleep(1)
    return process.num_fds()


def _sample(server: Served, process: psutil.Process, samples: list, done: threading.Event) -> None:
    while not done.wait(0.2):
        count = server.metric('fillmask_requests_total{method="POST",status="200"}')
        samples.append((count, process.memory_info().rss))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


MEASURES = (steady, ladder, soak)
