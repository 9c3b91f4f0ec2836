"""More load than the server can take.

The generator runs on one CPU and the server on the others. On shared CPUs the generator's work would look like the cost
of refusals.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from fillmask.server.settings import Settings
from tests.load.generator import Load, Result, bodies_of, closed_loop, open_loop, percentile, poisson, run
from tests.reliability.load import load_on, saturation, texts
from tests.reliability.row import Row, Scale
from tests.support.serving import Served, serve

# A refusal costs the server some fixed time. With texts of this length ten refusals cost little beside one prediction;
# with the shortest texts they do not.
TOKENS = 250
ROUNDS = 3
FULL_AFTER_S = 4.0  # before, the queue admits more than the server completes
QUEUE_S = 5.0  # half of a request's deadline; on a slow CPU the default queue takes longer than the deadline
CRITERION = "goodput ≥ 0.9; 429 with Retry-After; refusals p99 ≤ 50 ms; liveness p99 ≤ 100 ms"


@dataclass(frozen=True)
class Outcome:
    """The results of some seconds of overload.

    Attributes:
        results: Of the load.
        alive: Of the liveness requests meanwhile.
        best: Saturation, in requests a second.
    """

    results: list[Result]
    alive: list[Result]
    best: float

    @property
    def goodput(self) -> float:
        """Successful responses a second, from when the queue is full until the last request is sent."""
        ends = [result.due + result.latency for result in self.results if result.status == 200]
        return sum(FULL_AFTER_S <= end <= self._sent for end in ends) / (self._sent - FULL_AFTER_S)

    @property
    def offered(self) -> float:
        """Requests a second, as a multiple of saturation."""
        return len(self.results) / self._sent / self.best

    @property
    def _sent(self) -> float:
        return max(result.due for result in self.results)


@contextlib.contextmanager
def apart() -> Iterator[str]:
    """Pin this process to the last CPU; yields the prelude that pins a server to the others."""
    cores = os.sched_getaffinity(0)
    last = max(cores)
    if len(cores) == 1:
        yield ""
        return
    os.sched_setaffinity(0, {last})
    try:
        yield f"import os; os.sched_setaffinity(0, {cores - {last}})"
    finally:
        os.sched_setaffinity(0, cores)


def overload(scale: Scale) -> list[Row]:
    """Row 3: under overload the server keeps its rate, refuses the rest at once, and stays alive."""
    seconds = scale.seconds(16, 2 * FULL_AFTER_S)
    found: dict[int, list[Outcome]] = {times: [] for times in (2, 5, 10)}
    bodies = bodies_of(texts(32, TOKENS - 2, TOKENS - 2))
    with apart() as prelude, serve(*queue_flags(prelude, bodies), prelude=prelude) as server:
        process = psutil.Process(server.process.pid)
        best = saturation(server, bodies, scale.seconds(9, 3))
        memory = process.memory_info().rss
        for times in [*found] * scale.count(ROUNDS):
            results, alive = overloaded(server, bodies, times * best, seconds)
            before, best = best, saturation(server, bodies, scale.seconds(9, 3))
            # A machine's speed changes within minutes, so each round uses the saturation just before and just after.
            found[times].append(Outcome(results, alive, statistics.mean((before, best))))
        time.sleep(1)
        grown = process.memory_info().rss / memory
        p50 = percentile([each.latency for each in run(closed_loop(load_on(server, bodies), 1, 2))], 0.5)
    rows = [row(times, outcomes) for times, outcomes in found.items()]
    figure = f"{grown:.2f} of the memory before; p50 of a lone client within a second after it {p50 * 1000:.1f} ms"
    return [*rows, Row("load", "after the overload", "memory ≤ 1.10 of before", figure, grown <= 1.10)]


def queue_flags(prelude: str, bodies: list[bytes]) -> list[str]:
    """The flags of a queue that this machine works off in time, as docs/serving.md says under *Capacity*."""
    with serve(prelude=prelude) as server:
        tokens = int(QUEUE_S * TOKENS * saturation(server, bodies, 3))
    return ["--max-queue-tokens", str(min(tokens, Settings().max_queue_tokens))]


def overloaded(server: Served, bodies: list[bytes], rate: float, seconds: float) -> tuple[list[Result], list[Result]]:
    """The results of the load, and of a liveness request every tenth of a second."""
    alive: list[Result] = []

    async def both() -> list[Result]:
        live = Load(*server.address, bodies=[b""], path="/health/live")
        probing = asyncio.create_task(open_loop(live, [tenth / 10 for tenth in range(int(seconds * 10))]))
        results = await open_loop(load_on(server, bodies), poisson(rate, seconds, seed=int(rate)))
        alive.extend(await probing)
        return results

    return run(both()), alive


def row(times: int, outcomes: list[Outcome]) -> Row:
    """The row of a multiple of saturation: the results of all rounds, and the median of their goodputs."""
    results = [result for each in outcomes for result in each.results]
    good = [result.latency for result in results if result.status == 200]
    refused = [result for result in results if result.status == 429]
    wrong = len(results) - len(good) - sum(result.retry_after for result in refused)
    best, offered = (statistics.median(getattr(each, name) for each in outcomes) for name in ("best", "offered"))
    shares = sorted(each.goodput / each.best for each in outcomes)
    late = percentile([result.latency for result in refused] or [0], 0.99)
    pulse = percentile([result.latency for each in outcomes for result in each.alive], 0.99)
    figure = (f"{offered:.1f} × {best:.0f}/s offered, goodput {statistics.median(shares):.2f} ({shares[0]:.2f} to "
              f"{shares[-1]:.2f}); {len(refused)} of {len(results)} refused, {wrong} not by 429 with Retry-After; "
              f"refusals p99 {late * 1e3:.1f} ms; admitted p99 {percentile(good or [0], 0.99) * 1e3:.0f} ms; "
              f"liveness p99 {pulse * 1e3:.1f} ms")  # fmt: skip
    passed = statistics.median(shares) >= 0.9 and not wrong and late <= 0.05 and pulse <= 0.1
    return Row("load", f"{times} × saturation, texts of {TOKENS} tokens", CRITERION, figure, passed)


MEASURES = (overload,)
