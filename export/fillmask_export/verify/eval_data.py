"""The texts of an export: for calibration, for verification, and for stored predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fillmask_export.plan import Plan
from fillmask_export.probes import LONG, Probe, Probes, long_probes, make_masked_texts, make_probes, random_probes
from fillmask_export.verify.sentences import Sentences, make_sentences

_UNMASKED_TEXTS = 32  # held-out texts that are read without masks
_RANGE_TEXTS = 64  # calibration texts for the ranges of fp16, beside the long ones
_TENSOR_TEXTS = 64  # held-out texts on which every tensor of fp16 is checked, beside the long ones


@dataclass(frozen=True, slots=True)
class EvalData:
    """Texts as tokens, all made before the model is traced.

    Attributes:
        calibration: For calibration; the last ones are as long as the model takes.
        held_out: For verification.
        long: For verification: a few texts as long as the model takes, at most 1,024 tokens.
        random: Random tokens. A variant must give finite logits on them.
        masked_texts: Short texts with one mask each; the artifact stores the predictions for them.
        sentences: Texts and minimal pairs for pseudo-log-likelihoods.
        pad_token_id: What fills shorter rows of a batch.
        max_length: Largest number of tokens that the model takes.
    """

    calibration: Probes
    held_out: Probes
    long: list[Probe]
    random: list[Probe]
    masked_texts: list[str]
    sentences: Sentences
    pad_token_id: int
    max_length: int

    @property
    def masks(self) -> int:
        """Number of masks in the held-out texts."""
        return sum(probe.labels.size for probe in self.held_out.probes)

    @property
    def unmasked(self) -> list[Probe]:
        """Some of the held-out texts, without masks."""
        return [probe.unmasked() for probe in self.held_out.probes[:_UNMASKED_TEXTS]]

    @property
    def for_ranges(self) -> list[Probe]:
        """Texts for the ranges of fp16: some of the calibration, all long ones, and random tokens."""
        probes = self.calibration.probes
        return probes[:-LONG][:_RANGE_TEXTS] + probes[-LONG:] + self.random

    @property
    def for_tensors(self) -> list[Probe]:
        """Texts on which every tensor of fp16 is checked: random tokens, some held-out texts, and all long ones."""
        return self.random + self.held_out.probes[:_TENSOR_TEXTS] + self.long


def load_eval_data(tokenizer: Any, plan: Plan, max_length: int) -> EvalData:  # noqa: ANN401
    """Read the plan's texts and mask them.

    Args:
        tokenizer: transformers' fast tokenizer.
        plan: Names the text files.
        max_length: Largest number of tokens that the model takes.

    Raises:
        ExportError: A text file cannot be read or holds no text for this model.
    """
    return EvalData(
        calibration=_calibration(tokenizer, plan, max_length),
        held_out=make_probes(tokenizer, plan.texts, plan.masks, max_length),
        long=long_probes(tokenizer, plan.texts, max_length),
        random=random_probes(tokenizer, max_length),
        masked_texts=make_masked_texts(tokenizer, plan.texts),
        sentences=make_sentences(tokenizer, plan, max_length),
        pad_token_id=tokenizer.pad_token_id or 0,
        max_length=max_length,
    )


def _calibration(tokenizer: Any, plan: Plan, max_length: int) -> Probes:  # noqa: ANN401
    """Each text once, and a few of full length: activations at late positions have other ranges."""
    texts = make_probes(tokenizer, plan.calibration, 0, max_length)
    return Probes(texts.origin, texts.probes + long_probes(tokenizer, plan.calibration, max_length))
