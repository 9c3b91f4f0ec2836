"""What an answer costs: the time of a run beside the checkpoint's in PyTorch, and the memory of a fresh process.

Both hold for the machine they were measured on; the ratio of two times carries over better than either.
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
from fillmask_export.fidelity import Forward
from fillmask_export.probes import Probe, random_probe
from fillmask_export.verify import checkpoint_forward, session_forward

_LENGTHS = (16, 128)  # tokens of the texts that are timed, cut to what the model takes
_ANSWER = """
import sys
from fillmask import FillMask
from fillmask.environment import resident_memory
fill_mask = FillMask(sys.argv[1], variant=sys.argv[2], providers=["CPUExecutionProvider"], threads=1)
fill_mask.predict(sys.argv[3], truncation="window")
# The engine must still be there: without its name its memory is given back before it is counted.
print(resident_memory())
"""


def add_costs(manifest: dict[str, Any], folder: Path, checkpoint: Checkpoint, rounds: int) -> None:
    """Measure a finished artifact and write the figures into its manifest.

    Args:
        manifest: As ``write_manifest`` returns it; each variant gets ``latency_ms`` and ``resident_bytes``, and
            ``verification`` gets ``timing``.
        folder: The artifact.
        checkpoint: What it was made from.
        rounds: How often each variant is timed.
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
        entry["resident_bytes"] = resident_bytes(folder, name, entry["answers"][0]["text"])


def time_runs(checkpoint: Checkpoint, graphs: dict[str, Path], limit: int, rounds: int) -> dict[str, dict[str, float]]:
    """Time one run of the checkpoint and of each variant, one text with one mask, one thread, in turn.

    Args:
        checkpoint: In PyTorch.
        graphs: By variant.
        limit: Tokens that the model takes.
        rounds: How often each is timed.

    Returns:
        Median milliseconds by variant, ``"checkpoint"`` among them, and by number of tokens:
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
    """Seconds of each run, in interleaved rounds; a round before them does not count."""

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


def resident_bytes(folder: Path, variant: str, question: str) -> int | None:
    """Memory of a fresh process that has loaded a variant and answered once: Python, NumPy and ONNX Runtime included.

    Args:
        folder: A finished artifact.
        variant: Which of its variants.
        question: A text with a mask.

    Returns:
        None where the system does not tell (Linux does).

    Raises:
        ExportError: The process fails, which any other would that opens the artifact.
    """
    if resident_memory() is None:
        return None
    command = [sys.executable, "-c", _ANSWER, str(folder), variant, question]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own program
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"a fresh process cannot answer with variant {variant}: {said}")
    return int(done.stdout)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"cpu": cpu_model(), "system": platform.system()}
