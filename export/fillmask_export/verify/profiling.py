"""Time and memory: a run beside the checkpoint's in PyTorch, and the resident memory of a fresh process.

Both are valid for the machine of the measurement. The ratio of two times carries over to other machines better than
either time.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from fillmask.bench.interleaving import interleave
from fillmask.environment import cpu_model, resident_memory
from fillmask.runtime.session import Session
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import ExportError
from fillmask_export.probes import Probe, random_probe
from fillmask_export.verify.forward import Forward, checkpoint_forward, session_forward

_LENGTHS = (16, 128)  # tokens of the timed texts, at most what the model takes
_PREDICT = """
import sys
from fillmask import FillMask
from fillmask.environment import resident_memory
fill_mask = FillMask(sys.argv[1], variant=sys.argv[2], providers=["CPUExecutionProvider"], threads=1)
fill_mask.predict(sys.argv[3], truncation="window")
# The name keeps the engine alive; without it its memory would be freed before it is counted.
print(resident_memory())
"""


def add_profile(manifest: dict[str, Any], folder: Path, checkpoint: Checkpoint, rounds: int) -> None:
    """Measure a finished artifact and write the figures into its manifest.

    Args:
        manifest: As ``write_manifest`` returns it. Each variant gets ``latency_ms`` and ``resident_bytes``, and
            ``verification`` gets ``timing``.
        folder: The artifact.
        checkpoint: The artifact's source.
        rounds: Number of timed runs of each variant.
    """
    variants = manifest["variants"]
    graphs = {name: folder / entry["file"] for name, entry in variants.items()}
    times = time_runs(checkpoint, graphs, manifest["max_length"], rounds)
    manifest["verification"]["timing"] = machine() | {
        "threads": 1,
        "rounds": rounds,
        "checkpoint_ms": times["checkpoint"],
    }
    for name, entry in variants.items():
        entry["latency_ms"] = times[name]
        entry["resident_bytes"] = resident_bytes(folder, name, entry["expected"][0]["text"])


def time_runs(checkpoint: Checkpoint, graphs: dict[str, Path], limit: int, rounds: int) -> dict[str, dict[str, float]]:
    """Time runs of the checkpoint and of each variant in turn: one text with one mask, on one thread.

    Args:
        checkpoint: In PyTorch.
        graphs: Path of the graph by variant.
        limit: Largest number of tokens that the model takes.
        rounds: Number of timed runs of each.

    Returns:
        Median milliseconds by variant (``"checkpoint"`` included) and by number of tokens:
        ``{"int8": {"16": 3.2, "128": 12.6}, …}``.
    """
    forwards = {"checkpoint": checkpoint_forward(checkpoint)}
    forwards |= {variant: session_forward(Session(path, threads=1)) for variant, path in graphs.items()}
    times: dict[str, dict[str, float]] = {name: {} for name in forwards}
    with _one_thread():
        for length in sorted({min(length, limit) for length in _LENGTHS}):
            probe = random_probe(checkpoint.tokenizer, length)
            for name, seconds in _alternate(forwards, probe, rounds).items():
                times[name][str(probe.input_ids.size)] = round(median(seconds) * 1000, 3)
    return times


def _alternate(forwards: Mapping[str, Forward], probe: Probe, rounds: int) -> dict[str, list[float]]:
    """Seconds of each run, in interleaved rounds after one untimed round."""

    def timed(forward: Forward) -> float:
        start = time.perf_counter()
        forward(probe)
        return time.perf_counter() - start

    blocks = {name: partial(timed, forward) for name, forward in forwards.items()}
    return interleave(blocks, lambda seconds: len(seconds["checkpoint"]) >= rounds)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def resident_bytes(folder: Path, variant: str, masked_text: str) -> int | None:
    """Resident memory of a fresh process after one prediction; Python, NumPy and ONNX Runtime are included.

    Args:
        folder: A finished artifact.
        variant: Which of its variants.
        masked_text: A text with a mask.

    Returns:
        Bytes; None where the system has no /proc/self/status.

    Raises:
        ExportError: The process fails. Any other process that opens the artifact would fail too.
    """
    if resident_memory() is None:
        return None
    command = [sys.executable, "-c", _PREDICT, str(folder), variant, masked_text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own program
    if done.returncode:
        message = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"a fresh process cannot predict with variant {variant}: {message}")
    return int(done.stdout)


def machine() -> dict[str, Any]:
    """The CPU and the system of the measurement."""
    return {"cpu": cpu_model(), "system": platform.system()}
