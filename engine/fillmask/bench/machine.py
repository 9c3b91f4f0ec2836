"""What the machine is, and how much memory a variant takes on it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from fillmask.environment import versions
from fillmask.errors import FillMaskError
from fillmask.runtime.cpu import available_threads

_CGROUP = Path("/sys/fs/cgroup")
_PACKAGES = ("fillmask", "onnxruntime", "tokenizers", "numpy")
_LOAD = """
import sys
from pathlib import Path
from fillmask import FillMask
FillMask(sys.argv[1], variant=sys.argv[2], providers=["CPUExecutionProvider"], threads=1).predict(sys.argv[3])
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
print(*(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")))
"""


def facts() -> dict[str, Any]:
    """The machine and the software, for the record."""
    return {
        "cpu": _cpu(),
        "threads": available_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": versions(_PACKAGES),
    }


def peak_memory(folder: Path, variant: str, text: str) -> int | None:
    """Most bytes resident in a process that loads a variant and answers one text; None where Linux is not there to say.

    Raises:
        FillMaskError: The process failed.
    """
    command = [sys.executable, "-c", _LOAD, str(folder), variant, text]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- this Python itself
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"]
        raise FillMaskError(f"a process of its own cannot answer with variant {variant}: {said[-1]}")
    return int(ended.stdout) if ended.stdout.strip() else None


def free_memory() -> int | None:
    """Bytes that this process and its container may still take, or None where that is not known."""
    limits = []
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            limits.append(int(line.split()[1]) * 1024)
    most, used = _lines(_CGROUP / "memory.max"), _lines(_CGROUP / "memory.current")
    if most and used and most[0] != "max":
        limits.append(int(most[0]) - int(used[0]))
    return min(limits, default=None)


def _cpu() -> str:
    names = [line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
