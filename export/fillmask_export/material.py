"""The texts of an export: what variants are calibrated on, and what they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fillmask_export.probes import Probe, Probes, long_probes, make_probes, make_questions, random_probes
from fillmask_export.verify import Plan


@dataclass(frozen=True, slots=True)
class Material:
    """Texts as tokens, all made before anything is converted.

    Attributes:
        typical: To calibrate on.
        held_out: To verify on.
        long: To verify on, a few texts as long as the model takes.
        random: Random tokens, on which a variant must give numbers, whatever they are.
        questions: Short texts with a mask; the answers to them are stored.
    """

    typical: Probes
    held_out: Probes
    long: list[Probe]
    random: list[Probe]
    questions: list[str]

    @property
    def masks(self) -> int:
        """Masks that are verified on."""
        return sum(probe.labels.size for probe in self.held_out.probes)


def gather(tokenizer: Any, plan: Plan, max_length: int) -> Material:  # noqa: ANN401
    """Read the plan's texts and mask them.

    Args:
        tokenizer: transformers' fast tokenizer.
        plan: Names the texts.
        max_length: Tokens the model takes.

    Raises:
        ExportError: A text file cannot be read or holds no text for this model.
    """
    return Material(
        typical=_typical(tokenizer, plan, max_length),
        held_out=make_probes(tokenizer, plan.texts, plan.masks, max_length),
        long=long_probes(tokenizer, plan.texts, max_length),
        random=random_probes(tokenizer, max_length),
        questions=make_questions(tokenizer, plan.texts),
    )


def _typical(tokenizer: Any, plan: Plan, max_length: int) -> Probes:  # noqa: ANN401
    """The texts once, and a few of full length: what stands far behind reaches other values."""
    texts = make_probes(tokenizer, plan.calibration, 0, max_length)
    return Probes(texts.origin, texts.probes + long_probes(tokenizer, plan.calibration, max_length))
