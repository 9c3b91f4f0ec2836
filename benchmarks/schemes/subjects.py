"""The models that schemes are compared on: one of the user's, AntiBERTy, and a large one with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.models.antiberty import fetch_checkpoint, write_sequences
from fillmask_export.checkpoint import Checkpoint, open_checkpoint
from fillmask_export.probes import Probe, Probes, make_probes

RANDOM = "xlm-r-base-random"
ANTIBERTY = "antiberty"
_MASKS = 2000
_LONGEST = 128
_MASK_ID = 250_001  # of XLM-R, whose vocabulary it ends


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, and what schemes are calibrated and judged on.

    Attributes:
        name: What its results are called.
        checkpoint: In PyTorch.
        calibration: Texts for the fixed scales.
        probes: Other texts, masked.
        trained: Whether accuracy says anything.
    """

    name: str
    checkpoint: Checkpoint
    calibration: list[Probe]
    probes: Probes
    trained: bool


def from_checkpoint(folder: Path, calibration: Path, texts: Path, *, allow_pickle: bool = False) -> Subject:
    """A trained checkpoint with texts of its language."""
    checkpoint = open_checkpoint(folder, allow_pickle=allow_pickle)
    typical = make_probes(checkpoint.tokenizer, calibration, 0, _LONGEST)
    probes = make_probes(checkpoint.tokenizer, texts, _MASKS, _LONGEST)
    return Subject(folder.name, checkpoint, typical.probes, probes, trained=True)


def antiberty(folder: Path) -> Subject:
    """AntiBERTy, on human germline sequences."""
    checkpoint = fetch_checkpoint(folder / ANTIBERTY)
    calibration, texts = write_sequences(folder)
    return from_checkpoint(checkpoint, calibration, texts, allow_pickle=True)


def xlm_r_sized() -> Subject:
    """A model of the size of XLM-R base. Its weights are random, so its time and its size are all that says much."""
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    torch.manual_seed(0)
    config = XLMRobertaConfig(vocab_size=_MASK_ID + 1, max_position_embeddings=514, type_vocab_size=1)
    config._attn_implementation = "eager"
    model = XLMRobertaForMaskedLM(config).eval()
    tokenizer: Any = None  # there are no texts
    checkpoint = Checkpoint(RANDOM, None, model, tokenizer)
    rows = _random_probes(144)
    probes = Probes("random tokens", rows[112:])
    return Subject(RANDOM, checkpoint, rows[:112], probes, trained=False)


def _random_probes(count: int) -> list[Probe]:
    rng = np.random.default_rng(0)
    probes = []
    for length in rng.integers(8, _LONGEST, size=count, endpoint=True):
        ids = rng.integers(5, _MASK_ID, size=length)
        positions = np.sort(rng.choice(length, max(1, round(length * 0.15)), replace=False))
        masked = ids.copy()
        masked[positions] = _MASK_ID
        probes.append(Probe(masked, positions, ids[positions]))
    return probes
