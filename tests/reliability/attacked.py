"""A good client beside all attacks at once, and the checks of each class of attack."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil

from fillmask.artifact.folder import EMBEDDED
from tests.load.generator import Load, Result, bodies_of, open_loop, percentile, poisson, run
from tests.reliability.checks import run_checks
from tests.reliability.load import load_on, saturation, texts
from tests.reliability.row import Row, Scale
from tests.support.serving import Served, serve, wait_for

ROOT = Path(__file__).parents[2]
MEMORY = 1 << 30
SHARE = 0.3
ROUNDS = 5
# The kernel refuses private memory beyond this, as a cgroup would. VmHWM, the peak that it records, counts mapped files
# besides. Both need no privileges.
LIMITED = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY}, {MEMORY}))"
CLASSES = {
    "pipelining, framing, upgrades, ends of streams": "test_framing.py",
    "streams of slow clients and of clients that left": "test_fairness.py",
    "requests that grow: masks, characters, values, responses": "test_results.py",
    "texts and scores beside those of others": "test_isolation.py test_scores.py",
    "pages of other sites, other hosts": "test_browsers.py",
    "idle connections at their limit": "test_load.py",
    "a log that nobody reads, signals": "test_logs.py test_ending.py",
    "variables that other programs set": "test_server_settings.py",
}


def attacks(scale: Scale) -> list[Row]:
    """Each class of attack on the server, by the tests of what prevents it."""
    rows = []
    for name, files in list(CLASSES.items())[: scale.count(len(CLASSES))]:
        found = run_checks(*(ROOT / "tests" / "server" / file for file in files.split()))
        rows.append(Row("attacks", name, "no other client's response, byte or second depends on it", str(found),
                        found.passed))  # fmt: skip
    return rows


def attacked(scale: Scale) -> list[Row]:
    """A client at 0.3 of saturation while all attacks run at once; 1 is ten minutes of attacks.

    A machine's speed changes within minutes, so each round has its own rate and its own time without attacks.
    """
    rounds = scale.count(ROUNDS)
    seconds = scale.seconds(600, 6) / rounds
    unigram = f"unigram={ROOT / 'tests' / 'golden' / 'unigram' / 'model'}"
    with serve(str(EMBEDDED), unigram, "--max-connections", "400", prelude=LIMITED) as server:
        found = [_round(server, seconds, calm=min(30.0, seconds)) for _ in range(rounds)]
        peak = _peak(psutil.Process(server.process.pid))
        wait_for(lambda: server.metric("fillmask_requests_in_flight") == 0, 60)
        defects = len(server.events("request", status=500))
    alone, results, alive = ([each for part in parts for each in part] for parts in list(zip(*found, strict=True))[:3])
    counts = sum((part[3] for part in found), Counter[str]())
    return [_row(alone, results, alive, counts, peak=peak, defects=defects, seconds=seconds * rounds)]


def _round(
    server: Served, seconds: float, calm: float
) -> tuple[list[Result], list[Result], list[Result], Counter[str]]:
    """The client's results without attacks and beside them, those of liveness, and the attacks by kind."""
    bodies = bodies_of(texts(64, 6, 60))
    rate = SHARE * saturation(server, bodies, min(6.0, seconds))
    alone, _ = _beside(server, bodies, rate, calm)
    # Attackers have CPUs of their own; here they take those that the server and the good client leave.
    program = ["nice", "-n", "19", sys.executable, "-m", "tests.reliability.attackers"]
    command = [*program, *map(str, server.address), str(seconds + 1)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as attackers:
        time.sleep(1)
        results, alive = _beside(server, bodies, rate, seconds)
        counts = Counter(json.loads(attackers.communicate(timeout=120)[0]))
    wait_for(lambda: server.metric("fillmask_requests_in_flight") == 0, 60)
    return alone, results, alive, counts


def _beside(server: Served, bodies: list[bytes], rate: float, seconds: float) -> tuple[list[Result], list[Result]]:
    """The results of a client, and of a liveness request every tenth of a second."""
    alive: list[Result] = []

    async def both() -> list[Result]:
        live = Load(*server.address, bodies=[b""], path="/health/live")
        probing = asyncio.create_task(open_loop(live, [tenth / 10 for tenth in range(int(seconds * 10))]))
        results = await open_loop(load_on(server, bodies), poisson(rate, seconds, seed=5))
        alive.extend(await probing)
        return results

    return run(both()), alive


def _peak(process: psutil.Process) -> int:
    """The most memory that a process had, in bytes, as the kernel counts it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))


def _row(
    alone: list[Result],
    results: list[Result],
    alive: list[Result],
    counts: dict[str, int],
    *,
    peak: int,
    defects: int,
    seconds: float,
) -> Row:
    statuses = Counter(result.status for result in [*results, *alive])
    failed = sum(statuses.values()) - statuses.pop(200, 0)
    before, late, pulse = (percentile([each.latency for each in some], 0.99) for some in (alone, results, alive))
    how = f" (by status {dict(statuses)})" if failed else ""
    figure = (
        f"{failed} of {len(results) + len(alive)} failed{how} in {seconds:.0f} s; p99 {late * 1e3:.0f} ms, without "
        f"attacks {before * 1e3:.0f} ms; liveness p99 {pulse * 1e3:.0f} ms; {defects} server errors; at most "
        f"{peak / 1e6:.0f} MB; {sum(counts.values())} attacks"
    )
    criterion = f"0 failed; p99 ≤ 3 × without attacks; 0 server errors; ≤ {MEMORY >> 20} MiB"
    passed = not failed and not defects and late <= 3 * before and peak <= MEMORY
    return Row("attacks", f"a client at {SHARE} of saturation beside all attacks at once", criterion, figure, passed)


MEASURES = (attacks, attacked)
