"""How far the scores of a text move when it runs together with other texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fillmask.padding import pad
from fillmask.runtime.session import Session
from fillmask_export.probes import Probe
from fillmask_export.verify.forward import session_forward

_TEXTS = 8


def batch_difference(graph: Path, probes: list[Probe], pad_token_id: int) -> float:
    """Compare texts of different lengths in one padded run with each text in a run of its own.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    return _difference_together(Session(graph), _spread(probes), pad_token_id)


def equal_length_difference(graph: Path, probes: list[Probe]) -> float:
    """Compare texts of one length in one run, without padding, with each text in a run of its own.

    The probes of ``batch_difference`` are cut to two lengths: all of them to that of the shortest, and the longer half
    to that of its shortest.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    session, some = Session(graph), _spread(probes)
    groups = [_cut_to_shortest(group) for group in (some, some[len(some) // 2 :])]
    return float(np.max([_difference_together(session, group, 0) for group in groups]))


def _spread(probes: list[Probe]) -> list[Probe]:
    """About eight probes, from the shortest to the longest."""
    return sorted(probes, key=lambda probe: probe.input_ids.size)[:: max(1, len(probes) // _TEXTS)]


def _cut_to_shortest(probes: list[Probe]) -> list[Probe]:
    """Cut probes to the length of the shortest; the last token is scored where no mask remains."""
    length = min(probe.input_ids.size for probe in probes)
    cut = []
    for probe in probes:
        kept = probe.positions < length
        positions = probe.positions[kept] if kept.any() else np.array([length - 1])
        cut.append(Probe(probe.input_ids[:length], positions, probe.labels[: positions.size]))
    return cut


def _difference_together(session: Session, some: list[Probe], pad_token_id: int) -> float:
    """The largest difference of a score between one run of all texts and a run of each."""
    forward = session_forward(session)
    padded = pad([probe.input_ids for probe in some], pad_token_id)
    positions = np.zeros((len(some), max(probe.positions.size for probe in some)), dtype=np.int64)
    for row, probe in enumerate(some):
        positions[row, : probe.positions.size] = probe.positions
    together = session.run(*padded, positions)
    differences = [
        np.abs(_scores(together[row, : probe.positions.size]) - _scores(forward(probe))).max()
        for row, probe in enumerate(some)
    ]
    return float(np.max(differences))


def _scores(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # an infinite logit gives NaN, which the caller reports
        exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))
