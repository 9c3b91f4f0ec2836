"""The checkpoint's logits on the texts of the verification, computed once for all variants and their attempts.

Texts of equal length run together in PyTorch, without padding, so that each row is computed as if alone. Only the order
of sums inside a matrix product may differ, by 1e-7 of a score. The head runs at the masks only, where a trial gives the
same logits. A model whose rows were not independent would be refused: the fp32 graph runs each text alone and may
differ by 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fillmask.cli.bar import track
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.masked_head import is_tokenwise, logits_at
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
        long: A few texts as long as the model takes, at most 1,024 tokens.
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
    groups = list(_groups(probes))
    with file.open("wb") as out, torch.inference_mode():
        forward = _forward(checkpoint, [probes[index] for index in groups[0]])
        for group in track(groups, "running the checkpoint", "batches"):
            out.write(forward([probes[index] for index in group]).float().numpy().tobytes())
            for index in group:
                starts[index] = written
                written += probes[index].labels.size
    stored = np.memmap(file, np.float32, "r").reshape(written, -1)
    sizes = [probe.labels.size for probe in probes]
    return Expected(probes, [stored[start : start + size] for start, size in zip(starts, sizes, strict=True)])


def _forward(checkpoint: Checkpoint, first: list[Probe]) -> Callable[[list[Probe]], Tensor]:
    """The logits at the masks of texts of equal length; the head runs at the masks only, where it may.

    Args:
        checkpoint: In PyTorch.
        first: Some texts of equal length, on which the head is tried.
    """
    model = checkpoint.model
    tokenwise = is_tokenwise(model, *_stack(first))

    def forward(probes: list[Probe]) -> Tensor:
        ids, masks = _stack(probes)
        if tokenwise:
            return logits_at(model, ids, torch.ones_like(ids), masks, int(masks.sum()))
        logits: Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[masks]
        return logits

    return forward


def _stack(probes: list[Probe]) -> tuple[Tensor, Tensor]:
    """The token ids of texts of equal length, ``int64[b, s]``, and where they have masks, ``bool[b, s]``."""
    ids = torch.from_numpy(np.stack([probe.input_ids for probe in probes]))
    masks = torch.zeros_like(ids, dtype=torch.bool)
    for row, probe in zip(masks, probes, strict=True):
        row[probe.positions] = True
    return ids, masks


def _groups(probes: list[Probe]) -> Iterator[list[int]]:
    """Group the indices of texts of equal length, short texts first, at most 512 tokens together."""
    by_length: dict[int, list[int]] = {}
    for index, probe in enumerate(probes):
        by_length.setdefault(probe.input_ids.size, []).append(index)
    for length, indices in sorted(by_length.items()):
        count = max(1, _TOKENS // length)
        yield from (indices[start : start + count] for start in range(0, len(indices), count))
