"""How many threads this process may use: its CPU affinity, limited by its cgroup's quota.

ONNX Runtime sizes its thread pool by the cores of the host. In a container that may use one of 64 cores, 64 threads
would share that core.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available_threads() -> int:
    """Threads that can run at once in this process, at least 1."""
    cores = _affinity()
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cpu_quota() -> float | None:
    """CPUs that the strictest of this process's cgroups grants; None where nothing limits it."""
    return _quota(_CGROUPS, Path("/proc/self/cgroup"))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(cgroups: Path, membership: Path) -> float | None:
    """CPUs that the strictest of this process's cgroups grants, or None without a limit."""
    quotas = [quota for folder in _folders(cgroups, membership) if (quota := _folder_quota(folder)) is not None]
    return min(quotas, default=None)


def _folders(cgroups: Path, membership: Path) -> list[Path]:
    """The process's own cgroup and its ancestors, for cgroup v2 and for v1's cpu controller."""
    folders = [cgroups, cgroups / "cpu"]
    for line in _lines(membership):
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            root = cgroups / "cpu" if controllers else cgroups
            own = root / path.lstrip("/")
            folders += [own, *(parent for parent in own.parents if parent.is_relative_to(root))]
    return folders


def _folder_quota(folder: Path) -> float | None:
    v2 = " ".join(_lines(folder / "cpu.max")).split()
    v1 = _lines(folder / "cpu.cfs_quota_us") + _lines(folder / "cpu.cfs_period_us")
    for limit in (v2, v1):
        if len(limit) == 2 and limit[0] not in ("max", "-1"):
            return int(limit[0]) / int(limit[1])
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
