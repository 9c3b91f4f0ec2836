"""Raw numbers to a file, with what is needed to judge them."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fillmask.environment import versions
from fillmask.runtime.cpu import available_threads

_FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers")


def write(question: str, record: dict[str, Any]) -> Path:
    """Write ``results/<question>.json``: the record and the machine it was measured on."""
    machine = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "cpu": _cpu(),
        "threads": available_threads(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "packages": versions(_PACKAGES),
    }
    path = _FOLDER / f"{question}.json"
    path.write_text(json.dumps({"question": question, "machine": machine, **record}, indent=1) + "\n")
    return path


def between(page: str, start: str, end: str, made: str) -> str:
    """The page with what was made of results between its two markers."""
    before, _, rest = page.partition(start)
    return f"{before}{start}\n{made}\n{end}{rest.partition(end)[2]}"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of rounds; what slows a round slows both its sides."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
