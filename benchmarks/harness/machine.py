"""The machine of a run, and the load of other processes during the run."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from fillmask.environment import cpu_flags, cpu_model, installed_versions
from fillmask.runtime.cpu import cpu_quota

_ROOT = Path(__file__).parents[2]
# Code that a measurement depends on. Results and the pages made of them may be uncommitted.
_CODE = ("engine", "export", "benchmarks", "pyproject.toml")
_MADE = (":!benchmarks/results", ":!benchmarks/plots", ":!benchmarks/*.md", ":!engine/*.md", ":!export/*.md")
_PACKAGES = (
    "numpy", "onnxruntime", "onnxruntime-gpu", "tokenizers", "torch", "transformers", "optimum", "optimum-onnx",
    "openvino", "faster-clip",
)  # fmt: skip
_ENVIRONMENT = ("OMP_", "MKL_", "KMP_", "OPENBLAS_", "ORT_", "MALLOC_", "TOKENIZERS_PARALLELISM")
_BEFORE_S = 2.0


def context() -> dict[str, Any]:
    """The machine, the code and the packages, for a record."""
    return _code() | _hardware() | {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        "os": platform.system(),
        "kernel": platform.release(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "packages": installed_versions(_PACKAGES),
        "env": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_ENVIRONMENT)},
    }  # fmt: skip


class Watch:
    """Watches the machine while something is measured.

    Used as a context manager around the whole run. Entering takes two seconds, in which no process of ours should run.

    Attributes:
        steal: Share of the machine's time that its host gave to others.
        foreign: Share of the machine's time that went to processes other than this one and its descendants.
        load_before: Cores that such processes kept busy in the two seconds before.
        load_after: Cores that such processes kept busy in the two seconds after.
    """

    def __init__(self) -> None:
        self.steal = self.foreign = self.load_before = self.load_after = 0.0

    def __enter__(self) -> Watch:
        self.load_before = _foreign_cores(_BEFORE_S)
        self._start = _Times()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end = _Times()
        self.steal, self.foreign = end.steal_since(self._start), end.foreign_since(self._start)
        self.load_after = _foreign_cores(_BEFORE_S)

    @property
    def found(self) -> dict[str, float]:
        """All four, for a record."""
        return {name: getattr(self, name) for name in ("steal", "foreign", "load_before", "load_after")}


class _Times:
    """Seconds of all cores together since the start of the machine: whole, busy, stolen, and our own."""

    def __init__(self) -> None:
        times = psutil.cpu_times()
        self.own = _own_seconds()
        self.steal = float(getattr(times, "steal", 0.0))
        idle = times.idle + getattr(times, "iowait", 0.0)
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user and nice as well
        self.busy = sum(times) - idle - self.steal - guests
        self.whole = sum(times) - guests

    def steal_since(self, start: _Times) -> float:
        return (self.steal - start.steal) / max(self.whole - start.whole, 1e-9)

    def foreign_since(self, start: _Times) -> float:
        foreign = (self.busy - start.busy) - (self.own - start.own)
        return max(0.0, foreign) / max(self.whole - start.whole, 1e-9)


def _foreign_cores(seconds: float) -> float:
    start = _Times()
    time.sleep(seconds)
    return _Times().foreign_since(start) * (psutil.cpu_count() or 1)


def _own_seconds() -> float:
    """CPU seconds of this process and its descendants, including those that ended and were waited for."""
    me = psutil.Process()
    seconds = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _code() -> dict[str, Any]:
    commit = _git("rev-parse", "HEAD")
    dirty = None if commit is None else bool(_git("status", "--porcelain", "--", *_CODE, *_MADE))
    return {"git_commit": commit, "dirty": dirty}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _hardware() -> dict[str, Any]:
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "cpu_model": cpu_model(),
        "flags": cpu_flags(),
        "cores": psutil.cpu_count(),
        "affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cgroup_quota": cpu_quota(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "governor": governor.read_text().strip() if governor.exists() else None,
    }
