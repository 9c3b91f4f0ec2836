"""Whether rows that run together change each other's scores: by the manifest, or by a trial of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.errors import FillMaskError, ForkError
from fillmask.padding import pad
from fillmask.runtime.session import Session

# Lengths of the rows of a trial, in tokens. The padding behind the shortest is wider than a kernel of ConvBERT.
_EQUAL_LENGTHS = (9, 9, 9)
_LENGTHS = (5, 9, 17)
# Of the spread of the logits. Sums in another order differ by 1e-6 of it on a CPU, and TF32 on a GPU rounds to 5e-4.
# A difference of 1e-5 of the spread changes a score by less than 1e-4.
_TOLERANCE, _GPU_TOLERANCE = 1e-5, 2e-3


class Invariance(NamedTuple):
    """Which rows may run together without changing each other's scores.

    Attributes:
        padded: Rows of different lengths, the shorter ones padded.
        equal_length: Rows of equal length.
    """

    padded: bool
    equal_length: bool


def recorded(entry: Mapping[str, Any]) -> Invariance | None:
    """Give what a manifest records of a variant; None if it records nothing.

    Folders of earlier versions do not record equal lengths; ``batch_invariant`` then stands for it.
    """
    if "batch_invariant" not in entry:
        return None
    padded = bool(entry["batch_invariant"])
    return Invariance(padded, bool(entry.get("equal_length_invariant", padded)))


def measure(session: Session, tokenizer: ModelTokenizer) -> Invariance:
    """Run a few rows of random tokens alone and together, and compare their logits.

    The seven runs take 127 tokens. A graph that cannot run several rows is not invariant.

    Raises:
        ForkError: This process is a fork of the one that loaded the model.
    """
    return Invariance(_is_invariant(session, tokenizer, _LENGTHS), _is_invariant(session, tokenizer, _EQUAL_LENGTHS))


def _is_invariant(session: Session, tokenizer: ModelTokenizer, lengths: Sequence[int]) -> bool:
    if len(set(lengths)) > 1 and not session.takes_attention_mask:
        return False
    rows = _random_rows(session.vocab_size, tokenizer, [min(length, tokenizer.max_length) for length in lengths])
    try:
        alone = np.concatenate([_logits(session, tokenizer, [row]) for row in rows])
        together = _logits(session, tokenizer, rows)
    except ForkError:
        raise
    except FillMaskError:
        return False
    tolerance = _GPU_TOLERANCE if session.on_gpu else _TOLERANCE
    return np.allclose(together, alone, rtol=0, atol=tolerance * _spread(alone))


def _random_rows(vocab_size: int, tokenizer: ModelTokenizer, lengths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Random tokens with a mask in the middle, the same in each process."""
    rng = np.random.default_rng(0)
    tokens = np.arange(min(vocab_size, tokenizer.tokenizer.get_vocab_size()))
    rows = [rng.choice(tokens[tokens != tokenizer.pad_token_id], length) for length in lengths]
    for row in rows:
        row[row.size // 2] = tokenizer.mask_token_id
    return rows


def _logits(session: Session, tokenizer: ModelTokenizer, rows: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
    """Logits at the second token of each row, its mask, and its last token but one, which is near to the padding."""
    positions = np.array([[min(1, row.size - 1), row.size // 2, max(row.size - 2, 0)] for row in rows])
    return session.run(*pad(rows, tokenizer.pad_token_id or 0), positions)


def _spread(logits: NDArray[np.float32]) -> float:
    finite = logits[np.isfinite(logits)]
    return float(np.ptp(finite)) if finite.size else 0.0
