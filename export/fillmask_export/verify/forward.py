"""The logits of a checkpoint in PyTorch and of a graph in ONNX Runtime, at the masks of a probe."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from fillmask.padding import pad
from fillmask.runtime.session import Session
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.probes import Probe

Forward = Callable[[Probe], NDArray[np.float32]]
"""Computes the logits ``float32[m, V]`` of a probe's masks."""


def checkpoint_forward(checkpoint: Checkpoint) -> Forward:
    """The forward function of a checkpoint in PyTorch."""

    def forward(probe: Probe) -> NDArray[np.float32]:
        ids = torch.from_numpy(probe.input_ids)[None]
        with torch.inference_mode():
            logits = checkpoint.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        rows: NDArray[np.float32] = logits[0, probe.positions].float().numpy()
        return rows

    return forward


def session_forward(session: Session) -> Forward:
    """The forward function of a graph."""

    def forward(probe: Probe) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = session.run(*pad([probe.input_ids], 0), probe.positions[None])[0]
        return rows

    return forward


def remembering(forward: Forward, probes: Iterable[Probe]) -> Forward:
    """Keep the logits of some probes, so that each runs once. A mask takes 4 bytes for each token of the vocabulary.

    Args:
        forward: Gives the same logits for the same probe.
        probes: Whose logits are kept.
    """
    kept: dict[tuple[bytes, bytes], NDArray[np.float32] | None] = dict.fromkeys(map(_key, probes))

    def remembered(probe: Probe) -> NDArray[np.float32]:
        key = _key(probe)
        logits = kept.get(key)
        if logits is None:
            logits = forward(probe)
            if key in kept:
                kept[key] = logits
        return logits

    return remembered


def _key(probe: Probe) -> tuple[bytes, bytes]:
    return probe.input_ids.tobytes(), probe.positions.tobytes()
