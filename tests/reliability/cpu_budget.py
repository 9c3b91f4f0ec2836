"""CPU affinity and cgroup quotas: the engine starts as many threads as it may use."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.load.generator import bodies_of, closed_loop, open_loop, poisson, run
from tests.reliability.load import load_on, texts
from tests.reliability.row import Row, Scale
from tests.support.serving import serve

CGROUP = Path("/sys/fs/cgroup/cpu")  # version 1; tests/unit/runtime/test_cpu.py has version 2 from files
COUNT = "from fillmask.runtime.cpu import available_threads as n; print(n())"


@contextlib.contextmanager
def quota(cpus: float) -> Iterator[Path | None]:
    """A cgroup with a quota of so many CPUs; None without cgroup v1 or without permission."""
    folder = CGROUP / f"fillmask-scorecard-{cpus}-{os.getpid()}"  # one of a run that was killed stays
    try:
        folder.mkdir()
        (folder / "cpu.cfs_quota_us").write_text(str(int(cpus * 100_000)))
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        folder.rmdir()


def budgets(_: Scale) -> list[Row]:
    """Row 19: the number of threads is that of the CPUs that the process may use."""
    cores = len(os.sched_getaffinity(0))
    found = {"affinity 1": (counted("taskset -p -c 0 $$ >/dev/null"), 1)}
    for cpus in (0.5, 1.0, 2.0):
        with quota(cpus) as folder:
            if folder:
                found[f"quota {cpus}"] = counted(f"echo $$ > {folder}/cgroup.procs"), min(cores, -int(-cpus // 1))
    shown = "; ".join(f"{name}: {got} threads" for name, (got, _) in found.items())
    return [Row("machine", "CPU affinity and cgroup quota", "threads = min(affinity, ⌈quota⌉)", shown,
                all(got == expected for got, expected in found.values()))]  # fmt: skip


def counted(enter: str) -> int:
    """The threads that a process starts after the shell command ``enter``."""
    script = f"{enter}; exec {sys.executable} -c '{COUNT}'"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def throttling(scale: Scale) -> list[Row]:
    """Row 19: at half of a client's rate, the quota throttles the server in at most 5 % of the periods.

    A request alone takes all CPU of a client's closed loop. At saturation requests share runs, so that half of its
    rate, whose requests come one by one, would take nearly all of the CPU.
    """
    test = "half of a lone client's rate with a quota of one CPU"
    criterion = "throttled in ≤ 5 % of the periods; 0 failed"
    with quota(1.0) as folder:
        if folder is None:
            return [Row("machine", test, criterion, "not measured: no cgroup v1 that may be changed here", False)]
        prelude = f"import os; open('{folder}/cgroup.procs', 'w').write(str(os.getpid()))"
        with serve(prelude=prelude) as server:
            bodies = bodies_of(texts(64, 6, 60))
            seconds = scale.seconds(10)
            rate = 0.5 * len(run(closed_loop(load_on(server, bodies), 1, seconds))) / seconds
            before = throttled(folder)
            results = run(open_loop(load_on(server, bodies), poisson(rate, scale.seconds(30, 2), seed=4)))
            periods, times = (after - start for after, start in zip(throttled(folder), before, strict=True))
    failed = sum(result.status != 200 for result in results)
    figure = f"throttled in {times} of {periods} periods at {rate:.0f} requests/s; {failed} of {len(results)} failed"
    return [Row("machine", test, criterion, figure, times <= 0.05 * periods and not failed)]


def throttled(folder: Path) -> tuple[int, int]:
    """Scheduling periods so far, and those in which the quota was used up."""
    counts = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    return int(counts["nr_periods"]), int(counts["nr_throttled"])


MEASURES = (budgets, throttling)
