"""How far the scores of a text move when it runs together with other texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fillmask.cli.bar import track
from fillmask.invariance import MaskedRow, score_difference
from fillmask.runtime.session import Session
from fillmask_export.in_order import map_in_order
from fillmask_export.probes import Probe
from fillmask_export.verify.forward import Forward

# int8 rounds sums to integers. Where padding changed the last digit of a sum, 1 of 3,000 texts differed by 3e-3.
TEXTS = 256
_TOGETHER = 8
_FEW_MASKS = 4  # of a long text: logits take 4 bytes for each mask and token of the vocabulary


def batch_difference(session: Session, forward: Forward, probes: list[Probe], pad_token_id: int) -> float:
    """Compare texts of different lengths in padded runs of eight with each text in a run of its own.

    Args:
        session: The graph.
        forward: The graph's logits of one text, which may be kept from earlier.
        probes: The texts.
        pad_token_id: What fills shorter texts.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    some = select(probes)
    step = -(-len(some) // _TOGETHER)  # each group has short and long texts
    return _largest(session, forward, [some[start::step] for start in range(step)], pad_token_id)


def equal_length_difference(
    session: Session, forward: Forward, probes: list[Probe], long: Sequence[Probe] = ()
) -> float:
    """Compare texts of one length in runs of eight, without padding, with each text in a run of its own.

    The texts of ``batch_difference`` are cut to the length of the shortest of their group. Long texts are a group of
    their own, with a few of their masks: a graph may compute them in another way.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    some = select(probes)
    groups = [some[start : start + _TOGETHER] for start in range(0, len(some), _TOGETHER)]
    groups += [[_with_few_masks(probe) for probe in long]] if long else []
    return _largest(session, forward, list(map(_cut_to_shortest, groups)), 0)


def _largest(session: Session, forward: Forward, groups: list[list[Probe]], pad_token_id: int) -> float:
    def run_alone(row: MaskedRow) -> NDArray[np.float32]:
        ids, positions = row
        return forward(Probe(ids, positions, ids[positions]))

    def difference(group: list[Probe]) -> float:
        return score_difference(session, _rows(group), pad_token_id, run_alone)

    return float(np.max([*map_in_order(difference, track(groups, "comparing batches", "batches"))]))


def select(probes: list[Probe]) -> list[Probe]:
    """At most ``TEXTS`` probes, from the shortest to the longest."""
    return sorted(probes, key=lambda probe: probe.input_ids.size)[:: -(-len(probes) // TEXTS)]


def _with_few_masks(probe: Probe) -> Probe:
    return Probe(probe.input_ids, probe.positions[:_FEW_MASKS], probe.labels[:_FEW_MASKS])


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
