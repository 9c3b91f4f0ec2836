"""The machine of a run, and the load of other processes during the run."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fillmask.environment import cpu_flags, cpu_model
from fillmask.runtime.cpu import cpu_quota

_ROOT = Path(__file__).parents[2]
# Code that a measurement depends on. Results and the pages made of them may be uncommitted.
_CODE = ("engine", "export", "benchmarks", "pyproject.toml")
_MADE = (":!benchmarks/results", ":!benchmarks/plots", ":!benchmarks/*.md", ":!engine/*.md", ":!export/*.md")
_PACKAGES = (
    "numpy", "onnxruntime", "onnxruntime-gpu", "tokenizers", "torch", "transformers", "optimum", "optimum-onnx",
    "openvino",
)  # fmt: skip
_ENVIRONMENT = ("OMP_", "MKL_", "KMP_", "OPENBLAS_", "ORT_", "MALLOC_", "GLIBC_", "TOKENIZERS_PARALLELISM")
_GPU = "name,driver_version,clocks.sm,utilization.gpu,memory.used,memory.total"
_BEFORE_S = 2.0
_SAMPLE_S = 2.0


def context() -> dict[str, Any]:
    """The machine, the code and the packages, for a record."""
    commit = _printed("git", "rev-parse", "HEAD")
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    huge_pages = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return {
        "git_commit": commit,
        "dirty": None if commit is None else bool(_printed("git", "status", "--porcelain", "--", *_CODE, *_MADE)),
        "cpu_model": cpu_model(),
        "flags": cpu_flags(),
        "cores": psutil.cpu_count(),
        "affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cgroup_quota": cpu_quota(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "governor": governor.read_text().strip() if governor.exists() else None,
        "huge_pages": huge_pages.read_text().strip() if huge_pages.exists() else None,
        "gpus": _printed("nvidia-smi", f"--query-gpu={_GPU}", "--format=csv,noheader"),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "python": platform.python_version(),
        "os": platform.system(),
        "kernel": platform.release(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "packages": installed_versions(_PACKAGES),
        "env": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_ENVIRONMENT)},
    }


def installed_versions(packages: Sequence[str]) -> dict[str, str]:
    """The version of each package that is installed under this name."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@dataclass(slots=True)
class Watch:
    """The load of the machine while something was measured.

    Attributes:
        steal: Share of the machine's time that its host gave to others.
        foreign: Share of the machine's time that went to processes other than this one and its descendants.
        load_before: Cores that such processes kept busy in the two seconds before.
    """

    steal: float = 0.0
    foreign: float = 0.0
    load_before: float = 0.0


@contextmanager
def watch() -> Iterator[Watch]:
    """Watch the machine during a whole run. Entering takes two seconds, in which no process of ours should run."""
    own = OwnSeconds()
    found, before = Watch(), _seconds(own)
    time.sleep(_BEFORE_S)
    start = _seconds(own)
    found.load_before = _shares(before, start)[1] * (psutil.cpu_count() or 1)
    with own.sampled():
        yield found
    found.steal, found.foreign = _shares(start, _seconds(own))


def _seconds(own: OwnSeconds) -> NDArray[np.float64]:
    """Seconds of all cores since the start of the machine: all, stolen, and those of foreign processes."""
    times = psutil.cpu_times()
    stolen, idle = getattr(times, "steal", 0.0), times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user and nice as well
    whole = sum(times) - guests
    return np.array([whole, stolen, whole - idle - stolen - own.seconds()])


def _shares(start: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[float, float]:
    """The shares of the time between that were stolen, and that went to foreign processes."""
    whole, stolen, foreign = end - start
    return float(stolen / max(whole, 1e-9)), float(max(0.0, foreign) / max(whole, 1e-9))


class OwnSeconds:
    """CPU seconds of this process and its descendants since this object was made, including those that ended.

    The system counts the time of a process that its parent waited for. Ray does not wait for its workers, so the
    time of each process is remembered as it was last seen.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], float] = {}
        self._lock = Lock()
        self._start = self._counts()

    def seconds(self) -> float:
        """Count the seconds until now."""
        return float((self._counts() - self._start).max())

    def _counts(self) -> NDArray[np.float64]:
        """The seconds with those of the processes that somebody waited for, and with those that were seen."""
        me, waited = psutil.Process(), 0.0
        with self._lock:
            for process in [me, *me.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    self._seen[process.pid, process.create_time()] = times.user + times.system
                    waited += times.user + times.system + times.children_user + times.children_system
            return np.array([waited, sum(self._seen.values())])

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """Look at all processes every two seconds."""
        ended = Event()

        def sample() -> None:
            while not ended.wait(_SAMPLE_S):
                self.seconds()

        thread = Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _printed(*command: str) -> str | None:
    """The output of a command; None if it fails or is missing."""
    try:
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
