"""The machine and the software: CPU, memory and package versions."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")
# Instruction sets that decide how fast integer and half-precision products are.
_FLAGS = (
    "avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
    "neon", "asimddp", "i8mm", "sve",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process in bytes.

    Attributes:
        rss: Resident pages.
        pss: Resident pages; a page that processes share counts in parts.
        peak: The most resident pages so far.
    """

    rss: int
    pss: int
    peak: int


def cpu_model() -> str:
    """The name of the CPU; empty where neither ``/proc/cpuinfo`` nor Python knows it.

    On x86 with the family and the model: virtual machines shorten the name to that of all generations, ``AMD EPYC``.
    """
    info = _cpuinfo()
    name = info.get("model name") or platform.processor() or platform.machine()
    known = [f"{field.removeprefix('cpu ')} {info[field]}" for field in ("cpu family", "model") if field in info]
    return f"{name} ({', '.join(known)})" if known else name


def cpu_flags() -> list[str]:
    """The CPU's instruction sets that matter for products, under the kernel's names; empty off Linux."""
    info = _cpuinfo()
    known = (info.get("flags") or info.get("Features") or "").split()
    return [flag for flag in _FLAGS if flag in known]


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The version of each package.

    ONNX Runtime's module comes in packages of several names, such as ``onnxruntime-gpu``. Where the package
    ``onnxruntime`` is missing, the version is that of the module.

    Raises:
        PackageNotFoundError: One is not installed.
    """
    return {package: _version(package) for package in packages}


def free_memory() -> int | None:
    """Bytes that this process and its container may still take; None off Linux."""
    limits = [kilobytes * 1024 for kilobytes in _numbers(_PROC / "meminfo", "MemAvailable")]
    most, used = _lines(_CGROUP / "memory.max"), _lines(_CGROUP / "memory.current")
    if most and used and most[0] != "max":
        limits.append(int(most[0]) - int(used[0]) + _reclaimable())
    return min(limits, default=None)


def process_memory() -> Memory | None:
    """Memory of this process; None where Linux does not report it.

    ``getrusage`` does not serve: a child process starts with the peak of its parent. The kernel's own peak may lag
    behind by a few pages, so it is at least ``rss``.
    """
    rollup, status = _PROC / "self" / "smaps_rollup", _PROC / "self" / "status"
    found = [_numbers(path, name) for path, name in ((rollup, "Rss"), (rollup, "Pss"), (status, "VmHWM"))]
    if not all(found):
        return None
    rss, pss, peak = (numbers[0] * 1024 for numbers in found)
    return Memory(rss, pss, max(peak, rss))


def peak_memory() -> int | None:
    """The most bytes that this process had resident so far; None off Linux."""
    peak = _numbers(_PROC / "self" / "status", "VmHWM")
    return peak[0] * 1024 if peak else None


def resident_memory() -> int | None:
    """Bytes that this process has resident; None off Linux."""
    resident = _numbers(_PROC / "self" / "status", "VmRSS")
    return resident[0] * 1024 if resident else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        if package != "onnxruntime":
            raise
        return str(import_module(package).__version__)


@cache
def _cpuinfo() -> dict[str, str]:
    """The fields of the first core."""
    fields: dict[str, str] = {}
    for line in _lines(_PROC / "cpuinfo"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _reclaimable() -> int:
    """Bytes of files that the container read and no longer uses, which the kernel gives up for memory of a process."""
    stat = _lines(_CGROUP / "memory.stat")
    return sum(int(line.split()[1]) for line in stat if line.startswith("inactive_file "))


def _numbers(path: Path, field: str) -> list[int]:
    """The numbers of the lines ``FIELD: NUMBER kB``."""
    return [int(line.split()[1]) for line in _lines(path) if line.startswith(f"{field}:")]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
