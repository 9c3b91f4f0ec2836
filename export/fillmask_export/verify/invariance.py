"""How far the scores of a text move when it runs together with other texts."""

from __future__ import annotations

import numpy as np

from fillmask.cli.bar import track
from fillmask.invariance import MaskedRow, score_difference
from fillmask.runtime.session import Session
from fillmask_export.probes import Probe

# int8 rounds sums to integers. Where padding changed the last digit of a sum, 1 of 3,000 texts differed by 3e-3.
TEXTS = 256
_TOGETHER = 8


def batch_difference(session: Session, probes: list[Probe], pad_token_id: int) -> float:
    """Compare texts of different lengths in padded runs of eight with each text in a run of its own.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    some = select(probes)
    step = -(-len(some) // _TOGETHER)  # each group has short and long texts
    groups = [_rows(some[start::step]) for start in range(step)]
    return _largest(session, groups, pad_token_id)


def equal_length_difference(session: Session, probes: list[Probe]) -> float:
    """Compare texts of one length in runs of eight, without padding, with each text in a run of its own.

    The texts of ``batch_difference`` are cut to the length of the shortest of their group.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    some = select(probes)
    starts = range(0, len(some), _TOGETHER)
    return _largest(session, [_rows(_cut_to_shortest(some[start : start + _TOGETHER])) for start in starts], 0)


def _largest(session: Session, groups: list[list[MaskedRow]], pad_token_id: int) -> float:
    tracked = track(groups, "comparing batches", "batches")
    return float(np.max([score_difference(session, group, pad_token_id) for group in tracked]))


def select(probes: list[Probe]) -> list[Probe]:
    """At most ``TEXTS`` probes, from the shortest to the longest."""
    return sorted(probes, key=lambda probe: probe.input_ids.size)[:: -(-len(probes) // TEXTS)]


def _rows(probes: list[Probe]) -> list[MaskedRow]:
    return [(probe.input_ids, probe.positions) for probe in probes]


def _cut_to_shortest(probes: list[Probe]) -> list[Probe]:
    """Cut probes to the length of the shortest; the last token is scored where no mask remains."""
    length = min(probe.input_ids.size for probe in probes)
    cut = []
    for probe in probes:
        kept = probe.positions < length
        positions = probe.positions[kept] if kept.any() else np.array([length - 1])
        cut.append(Probe(probe.input_ids[:length], positions, probe.labels[: positions.size]))
    return cut
