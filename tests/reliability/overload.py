"""More load than the server can take.

The generator has a CPU of its own and the server the others, since what the generator takes of the server's CPU would
look like work that a refusal costs.
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

from tests.load.generator import Load, Result, bodies_of, closed_loop, open_loop, percentile, poisson, run
from tests.reliability.load import load_on, saturation, texts
from tests.reliability.row import Row, Scale
from tests.support.serving import Served, serve

# A refusal costs the server some fixed time. With these texts an answer costs enough for ten refusals to be a small
# part of it; with the shortest they are not.
TOKENS = 250
ROUNDS = 3
FULL_AFTER_S = 4.0  # until then the queue takes in more than the server answers
CRITERION = "goodput ≥ 0.9; 429 with Retry-After; refusals p99 ≤ 50 ms; liveness p99 ≤ 100 ms"


@dataclass(frozen=True)
class Outcome:
    """What came of some seconds of overload.

    Attributes:
        replies: To the load.
        alive: To questions after the server's health meanwhile.
        best: Requests a second that the server can take.
    """

    replies: list[Result]
    alive: list[Result]
    best: float

    @property
    def goodput(self) -> float:
        """Answers a second, from when the queue is full to when the last request is sent."""
        ends = [reply.due + reply.latency for reply in self.replies if reply.status == 200]
        return sum(FULL_AFTER_S <= end <= self._sent for end in ends) / (self._sent - FULL_AFTER_S)

    @property
    def offered(self) -> float:
        """Requests a second, in what the server can take."""
        return len(self.replies) / self._sent / self.best

    @property
    def _sent(self) -> float:
        return max(reply.due for reply in self.replies)


@contextlib.contextmanager
def apart() -> Iterator[str]:
    """Keep this process on the last CPU meanwhile; gives the prelude that keeps a server off it."""
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
    """Row 3: beyond what it can take it goes on at its rate, refuses the rest at once, and stays alive."""
    seconds = scale.seconds(16, 2 * FULL_AFTER_S)
    found: dict[int, list[Outcome]] = {times: [] for times in (2, 5, 10)}
    with apart() as prelude, serve(prelude=prelude) as server:
        process = psutil.Process(server.process.pid)
        bodies = bodies_of(texts(32, TOKENS - 2, TOKENS - 2))
        best = saturation(server, bodies, scale.seconds(9, 3))
        memory = process.memory_info().rss
        for times in [*found] * scale.count(ROUNDS):
            replies, alive = overloaded(server, bodies, times * best, seconds)
            before, best = best, saturation(server, bodies, scale.seconds(9, 3))
            # What a machine gives changes within minutes; so each goes with the saturation just before and just after.
            found[times].append(Outcome(replies, alive, statistics.mean((before, best))))
        time.sleep(1)
        grown = process.memory_info().rss / memory
        p50 = percentile([each.latency for each in run(closed_loop(load_on(server, bodies), 1, 2))], 0.5)
    rows = [row(times, outcomes) for times, outcomes in found.items()]
    figure = f"{grown:.2f} of the memory before; p50 of a lone client within a second after it {p50 * 1000:.1f} ms"
    return [*rows, Row("load", "after the overload", "memory ≤ 1.10 of before", figure, grown <= 1.10)]


def overloaded(server: Served, bodies: list[bytes], rate: float, seconds: float) -> tuple[list[Result], list[Result]]:
    """The replies to the load, and those to a question after the server's health every tenth of a second."""
    alive: list[Result] = []

    async def both() -> list[Result]:
        live = Load(*server.address, bodies=[b""], path="/health/live")
        probing = asyncio.create_task(open_loop(live, [tenth / 10 for tenth in range(int(seconds * 10))]))
        replies = await open_loop(load_on(server, bodies), poisson(rate, seconds, seed=int(rate)))
        alive.extend(await probing)
        return replies

    return run(both()), alive


def row(times: int, outcomes: list[Outcome]) -> Row:
    """What came of so many times the load that the server can take: of all rounds, and the median of their goodputs."""
    replies = [reply for each in outcomes for reply in each.replies]
    good = [reply.latency for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 429]
    wrong = len(replies) - len(good) - sum(reply.retry_after for reply in refused)
    best, offered = (statistics.median(getattr(each, name) for each in outcomes) for name in ("best", "offered"))
    shares = sorted(each.goodput / each.best for each in outcomes)
    late = percentile([reply.latency for reply in refused] or [0], 0.99)
    pulse = percentile([reply.latency for each in outcomes for reply in each.alive], 0.99)
    figure = (f"{offered:.1f} × {best:.0f}/s offered, goodput {statistics.median(shares):.2f} ({shares[0]:.2f} to "
              f"{shares[-1]:.2f}); {len(refused)} of {len(replies)} refused, {wrong} not by 429 with Retry-After; "
              f"refusals p99 {late * 1e3:.1f} ms; admitted p99 {percentile(good or [0], 0.99) * 1e3:.0f} ms; "
              f"liveness p99 {pulse * 1e3:.1f} ms")  # fmt: skip
    passed = statistics.median(shares) >= 0.9 and not wrong and late <= 0.05 and pulse <= 0.1
    return Row("load", f"{times} × saturation, texts of {TOKENS} tokens", CRITERION, figure, passed)


MEASURES = (overload,)
