"""Verification: every variant is run beside its checkpoint before it is written, and its figures go with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fillmask.encoding import pad
from fillmask.runtime.session import Session
from fillmask_export.checkpoint import Checkpoint
from fillmask_export.errors import FidelityError
from fillmask_export.fidelity import Fidelity, Forward, measure
from fillmask_export.probes import Probe


@dataclass(frozen=True, slots=True)
class Plan:
    """What variants are calibrated and verified on, and how far their answers may be from the checkpoint's.

    Attributes:
        calibration: A text file, one text a line, to find the scales of int8 on; None takes built-in sentences, which
            are English and too few for the best int8.
        texts: A text file, one text a line, to verify on; None takes the built-in sentences.
        masks: How many masks to verify on.
        max_score_difference: Of an fp32 variant, at any token of any mask.
        max_kl: Mean Kullback-Leibler divergence of any other variant, in nats.
        max_accuracy_loss: Share of masks, 0.005 is half a percentage point, that any other variant may lose.
        rounds: How often a run of each variant is timed beside the checkpoint's; 0 measures neither time nor memory.
    """

    calibration: str | Path | None = None
    texts: str | Path | None = None
    masks: int = 2000
    max_score_difference: float = 1e-5
    max_kl: float = 0.01
    max_accuracy_loss: float = 0.005
    rounds: int = 15


def verify_graph(graph: Path, checkpoint: Checkpoint, probes: list[Probe]) -> Fidelity:
    """Run a variant's graph and its checkpoint over the same masks."""
    return measure(probes, checkpoint_forward(checkpoint), session_forward(Session(graph)))


def count_not_finite(graph: Path, probes: list[Probe]) -> int:
    """At how many masks a graph gives NaN or infinity."""
    forward = session_forward(Session(graph))
    return sum(int((~np.isfinite(forward(probe))).any(axis=-1).sum()) for probe in probes)


def check_fidelity(
    variant: str, fidelity: Fidelity, plan: Plan, *, not_finite_on_random: int = 0, where: str = ""
) -> None:
    """Let a variant pass, or say what is wrong with it.

    Args:
        variant: Its name; fp32 must give the checkpoint's scores, the others may only lose little.
        fidelity: What was measured.
        plan: What is allowed.
        not_finite_on_random: Masks in random tokens at which it gave NaN or infinity.
        where: On which texts, for the message.

    Raises:
        FidelityError: The variant is too far from its checkpoint.
    """
    reasons = []
    if fidelity.not_finite:
        reasons.append(f"{fidelity.not_finite} of {fidelity.masks} masks give NaN or infinity")
    if not_finite_on_random:
        reasons.append(f"{not_finite_on_random} masks in random tokens give NaN or infinity")
    if variant == "fp32" and not fidelity.max_score_difference <= plan.max_score_difference:
        reasons.append(_beyond("a score differs by", fidelity.max_score_difference, plan.max_score_difference))
    if variant != "fp32" and not fidelity.mean_kl <= plan.max_kl:
        reasons.append(_beyond("the mean KL divergence is", fidelity.mean_kl, plan.max_kl))
    loss = fidelity.checkpoint_accuracy - fidelity.accuracy
    if variant != "fp32" and not loss <= plan.max_accuracy_loss:
        reasons.append(_beyond("masked-token accuracy falls by", loss, plan.max_accuracy_loss))
    if reasons:
        raise FidelityError(f"variant {variant} is too far from its checkpoint{where}: {'; '.join(reasons)}")


def checkpoint_forward(checkpoint: Checkpoint) -> Forward:
    """The checkpoint's logits at a probe's masks."""

    def forward(probe: Probe) -> NDArray[np.float32]:
        ids = torch.from_numpy(probe.input_ids)[None]
        with torch.inference_mode():
            logits = checkpoint.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        rows: NDArray[np.float32] = logits[0, probe.positions].float().numpy()
        return rows

    return forward


def session_forward(session: Session) -> Forward:
    """A graph's logits at a probe's masks."""

    def forward(probe: Probe) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = session.run(pad([probe.input_ids], 0), probe.positions[None])[0]
        return rows

    return forward


def batch_difference(graph: Path, probes: list[Probe], pad_token_id: int) -> float:
    """How far a text's scores move when other texts and padding are beside it: the largest difference of a score.

    NaN where a score is none.
    """
    return _difference_together(Session(graph), _spread(probes), pad_token_id)


def equal_length_difference(graph: Path, probes: list[Probe]) -> float:
    """How far a text's scores move when other texts of its length are beside it, without padding.

    The probes of ``batch_difference`` are cut: all to the length of the shortest, and the longer half to the length of
    its shortest.

    Returns:
        The largest difference of a score; NaN where a score is NaN.
    """
    session, some = Session(graph), _spread(probes)
    groups = [_cut_to_shortest(group) for group in (some, some[len(some) // 2 :])]
    return float(np.max([_difference_together(session, group, 0) for group in groups]))


def _spread(probes: list[Probe]) -> list[Probe]:
    """About eight probes, from the shortest to the longest."""
    return sorted(probes, key=lambda probe: probe.input_ids.size)[:: max(1, len(probes) // 8)]


def _cut_to_shortest(probes: list[Probe]) -> list[Probe]:
    """The same texts, all as long as the shortest; where no mask is left the last token is scored."""
    length = min(probe.input_ids.size for probe in probes)
    cut = []
    for probe in probes:
        left = probe.positions < length
        positions = probe.positions[left] if left.any() else np.array([length - 1])
        cut.append(Probe(probe.input_ids[:length], positions, probe.labels[: positions.size]))
    return cut


def _difference_together(session: Session, some: list[Probe], pad_token_id: int) -> float:
    """The largest difference of a score between texts in one run and each in a run of its own."""
    forward = session_forward(session)
    padded = pad([probe.input_ids for probe in some], pad_token_id)
    positions = np.zeros((len(some), max(probe.positions.size for probe in some)), dtype=np.int64)
    for row, probe in enumerate(some):
        positions[row, : probe.positions.size] = probe.positions
    together = session.run(padded, positions)
    differences = [
        np.abs(_scores(together[row, : probe.positions.size]) - _scores(forward(probe))).max()
        for row, probe in enumerate(some)
    ]
    return float(np.max(differences))


def _scores(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # an infinite logit gives NaN, which the caller reports
        exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def _beyond(what: str, got: float, allowed: float) -> str:
    return f"{what} {got:.2g}, allowed is {allowed:.2g}"
