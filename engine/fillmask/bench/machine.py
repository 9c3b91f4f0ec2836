"""The machine and the software, and the memory that a variant takes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from fillmask.environment import cpu_model, versions
from fillmask.errors import FillMaskError
from fillmask.runtime.cpu import available_threads

_PACKAGES = ("fillmask", "onnxruntime", "tokenizers", "numpy")
_LOAD = """
import sys
from fillmask import FillMask
from fillmask.environment import peak_memory
FillMask(sys.argv[1], variant=sys.argv[2], providers=["CPUExecutionProvider"], threads=1).predict(sys.argv[3])
print(peak_memory() or "")
"""


def facts() -> dict[str, Any]:
    """The machine and the software, for the record."""
    return {
        "cpu": cpu_model(),
        "threads": available_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": versions(_PACKAGES),
    }


def peak_memory(folder: Path, variant: str, text: str) -> int | None:
    """Peak resident bytes of a fresh process that loads a variant and predicts one text; None off Linux.

    Raises:
        FillMaskError: The process failed.
    """
    command = [sys.executable, "-c", _LOAD, str(folder), variant, text]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- this Python itself
    if ended.returncode:
        errors = ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"]
        raise FillMaskError(f"a process of its own cannot predict with variant {variant}: {errors[-1]}")
    return int(ended.stdout) if ended.stdout.strip() else None
