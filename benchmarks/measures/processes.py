"""Fresh Python processes, timed from their start to the first line that they print."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.harness.worker import ContenderError


def seconds_to_line(code: str) -> float:
    """Start Python on a program and time it up to its first line; its end is waited for and not timed.

    The program is offline: a hub that cannot be reached would count against it.

    Raises:
        ContenderError: It printed nothing.
    """
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            elapsed = time.perf_counter() - start
        if not line.strip():
            errors.seek(0)
            raise ContenderError(_reason(code, process.returncode, errors.read().decode(errors="replace")))
    return elapsed


def _reason(code: str, status: int, errors: str) -> str:
    last = errors.strip().splitlines()[-1:] or ["nothing on stderr"]
    return f"no line from {code!r}, which ended with {status}: {last[0]}"
