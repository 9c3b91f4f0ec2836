"""The checkpoint's logits on the texts of the verification, computed once for all variants and their attempts.

Texts of equal length run together in PyTorch, without padding, so that each row is computed as if alone. Only the order
of sums inside a matrix product may differ, by 1e-7 of a score. A model whose rows were not independent would be
refused: the fp32 graph runs each text alone and may differ by 1e-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fillmask.cli.bar import track
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.probes import Probe
from fillmask_export.verify.eval_data import EvalData

_TOKENS = 512  # of a run: its logits take 4 bytes for each token of it and of the vocabulary


class Expected(NamedTuple):
    """Texts, and what the checkpoint gives for them.

    Attributes:
        probes: The texts.
        logits: At the masks of each text, ``float32[m, V]``, in a file that is mapped into memory and read-only.
    """

    probes: list[Probe]
    logits: list[NDArray[np.float32]]


class Reference(NamedTuple):
    """The checkpoint's logits on each kind of text that variants are compared on.

    Attributes:
        held_out: The texts of the verification.
        long: A few texts as long as the model takes.
        unmasked: Some of the held-out texts, without masks.
    """

    held_out: Expected
    long: Expected
    unmasked: Expected


def run_checkpoint(checkpoint: Checkpoint, eval_data: EvalData, folder: Path) -> Reference:
    """Run the checkpoint over all texts of the verification.

    Args:
        checkpoint: In PyTorch.
        eval_data: The texts.
        folder: Receives the logits: 4 bytes for each mask and token of the vocabulary.
    """
    return Reference(
        held_out=expect(checkpoint, eval_data.held_out.probes, folder / "held_out.logits"),
        long=expect(checkpoint, eval_data.long, folder / "long.logits"),
        unmasked=expect(checkpoint, eval_data.unmasked, folder / "unmasked.logits"),
    )


def expect(checkpoint: Checkpoint, probes: list[Probe], file: Path) -> Expected:
    """Run the checkpoint over texts; ``file`` receives the logits."""
    starts, written = [0] * len(probes), 0
    with file.open("wb") as out:
        for group in track(list(_groups(probes)), "running the checkpoint", "batches"):
            ids = torch.from_numpy(np.stack([probes[index].input_ids for index in group]))
            with torch.inference_mode():
                logits = checkpoint.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            for index, rows in zip(group, logits, strict=True):
                starts[index] = written
                out.write(rows[probes[index].positions].float().numpy().tobytes())
                written += probes[index].labels.size
    stored = np.memmap(file, np.float32, "r").reshape(written, -1)
    sizes = [probe.labels.size for probe in probes]
    return Expected(probes, [stored[start : start + size] for start, size in zip(starts, sizes, strict=True)])


def _groups(probes: list[Probe]) -> Iterator[list[int]]:
    """Group the indices of texts of equal length, short texts first, at most 512 tokens together."""
    by_length: dict[int, list[int]] = {}
    for index, probe in enumerate(probes):
        by_length.setdefault(probe.input_ids.size, []).append(index)
    for length, indices in sorted(by_length.items()):
        count = max(1, _TOKENS // length)
        yield from (indices[start : start + count] for start in range(0, len(indices), count))
