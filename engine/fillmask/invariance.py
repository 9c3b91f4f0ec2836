"""Whether rows that run together change each other's scores: by the manifest, or by a trial of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

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


_IN_INTEGERS = "uint8 activations on fixed scales"  # as earlier exporters describe a variant
_TOGETHER = 8  # rows of a run whose scores are compared with those of each row alone

MaskedRow: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Token ids, and the positions of masks in them."""


class Invariance(NamedTuple):
    """Which rows may run together without changing each other's scores.

    Attributes:
        padded: Rows of different lengths, the shorter ones padded.
        equal_length: Rows of equal length.
        bits: Rows of equal length, whose logits keep every bit.
    """

    padded: bool
    equal_length: bool
    bits: bool = False


def recorded(entry: Mapping[str, Any]) -> Invariance | None:
    """Give what a manifest records of a variant; None if it records nothing.

    Folders of earlier versions do not record equal lengths; ``batch_invariant`` then stands for it. They were tried on
    eight texts, too few for int8, where padding may change one text in thousands. An int8 graph is invariant to padding
    only if the manifest says on how many texts that was seen, and if the kernels of this machine allow it. Every
    bit is kept where the exporter saw no difference at all and the manifest says that products keep bits, since their
    sums are of integers. Products of floats may have other kernels on another machine.
    """
    if "batch_invariant" not in entry:
        return None
    recorded_padded = bool(entry["batch_invariant"])
    padded = recorded_padded and ("quantization" not in entry or ("batch_texts" in entry and _kernels_allow_padding()))
    equal_length = bool(entry.get("equal_length_invariant", recorded_padded))
    bits = padded and equal_length and _products_keep_bits(entry) and entry.get("batch_difference") == 0
    return Invariance(padded, equal_length, bits)


def _products_keep_bits(entry: Mapping[str, Any]) -> bool:
    """Whether products with weights keep a row's bits on every machine; earlier manifests say it in words alone."""
    if "products_keep_bits" in entry:
        return entry["products_keep_bits"] is True
    description = str(entry.get("quantization"))
    return description.startswith(_IN_INTEGERS) and "left in fp32" not in description


def _kernels_allow_padding() -> bool:
    from fillmask.runtime.padding_trial import padding_keeps_bits  # one text needs no trial

    return padding_keeps_bits()


def measure(session: Session, tokenizer: ModelTokenizer) -> Invariance:
    """Run a few rows of random tokens alone and together, and compare their logits.

    The seven runs take 127 tokens. A graph that cannot run several rows is not invariant.

    Raises:
        ForkError: This process is a fork of the one that loaded the model.
    """
    return Invariance(_is_invariant(session, tokenizer, _LENGTHS), _is_invariant(session, tokenizer, _EQUAL_LENGTHS))


def random_difference(session: Session, tokenizer: ModelTokenizer, texts: int) -> float:
    """Give the largest difference of a score between random rows in padded runs of eight and alone.

    Args:
        session: The graph.
        tokenizer: Its tokenizer.
        texts: The number of rows, of 3 to 66 tokens.
    """
    lengths = np.random.default_rng(1).integers(3, 67, texts).tolist()
    rows = _random_rows(session.vocab_size, tokenizer, [min(length, tokenizer.max_length) for length in lengths])
    masked = [(row, np.array([row.size // 2])) for row in rows]
    pad_token_id = tokenizer.pad_token_id or 0
    groups = [masked[start : start + _TOGETHER] for start in range(0, texts, _TOGETHER)]
    return float(np.max([score_difference(session, group, pad_token_id) for group in groups], initial=0.0))


def score_difference(
    session: Session,
    rows: Sequence[MaskedRow],
    pad_token_id: int,
    run_alone: Callable[[MaskedRow], NDArray[np.float32]] | None = None,
) -> float:
    """Give the largest difference of a score between one padded run of all rows and a run of each.

    Args:
        session: The graph.
        rows: Token ids and masked positions, ``int64[s]`` and ``int64[m]`` each.
        pad_token_id: What fills shorter rows.
        run_alone: Gives the logits ``float32[m, V]`` of a row in a run of its own; None runs the graph.

    Returns:
        The difference; NaN where a score is NaN.
    """
    positions = np.zeros((len(rows), max(masks.size for _, masks in rows)), dtype=np.int64)
    for index, (_, masks) in enumerate(rows):
        positions[index, : masks.size] = masks
    together = session.run(*pad([ids for ids, _ in rows], pad_token_id), positions)
    alone = map(run_alone or partial(_run_alone, session), rows)
    differences = [
        _largest_difference(together[index, : masks.size], logits)
        for index, ((_, masks), logits) in enumerate(zip(rows, alone, strict=True))
    ]
    return float(np.max(differences))


def _run_alone(session: Session, row: MaskedRow) -> NDArray[np.float32]:
    ids, masks = row
    logits: NDArray[np.float32] = session.run(*pad([ids], 0), masks[None])[0]
    return logits


def _largest_difference(together: NDArray[np.float32], alone: NDArray[np.float32]) -> float:
    """The largest difference of a score; equal logits, which most integer graphs give, need no exponentials."""
    if np.array_equal(together, alone) and np.isfinite(alone).all():
        return 0.0
    return float(np.abs(_scores(together) - _scores(alone)).max())


def _scores(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # an infinite logit gives NaN, which the caller reports
        exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


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
