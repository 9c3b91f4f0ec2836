"""Whether contenders on a device answer as fp32 does on the CPU; no speed is said of one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.contenders import Answer
from benchmarks.contenders.gpu_ import AGAIN, ON_CPU, RACERS
from benchmarks.harness.records import Row
from benchmarks.harness.suite import Found
from benchmarks.measures.gpu_field import BlockError, GpuField
from benchmarks.models.folders import ModelFolders
from benchmarks.models.texts import Writer

SAME, AS_LIKELY, DIFFERENCE = "same first", "first as likely", "max score difference"
LEAST_AS_LIKELY = 0.99
_BATCHES = (1, 8)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers beside those of fp32 on the CPU.

    Attributes:
        same: Share of the texts whose first token is the same.
        as_likely: The same, with those whose first token the CPU scores as high but for the tolerance.
        difference: The largest, of a score of any token of an answer.
    """

    same: float
    as_likely: float
    difference: float

    def refusal(self, tolerance: float) -> str | None:
        """Why such answers are wrong, or None."""
        if not self.difference <= tolerance:  # neither is NaN
            return f"a score differs from that of fp32 on the CPU by {self.difference:.2g}, more than {tolerance:g}"
        if self.as_likely < LEAST_AS_LIKELY:
            return (
                f"its first token is that of fp32 on the CPU, or as likely, in {self.as_likely:.1%} of the texts only"
            )
        return None


def texts_of(folders: ModelFolders, number: int) -> list[str]:
    """Texts: those whose answers the artifact holds, and texts of random words, as far as the model takes them."""
    manifest = folders.manifest
    writer = Writer(folders.artifact, manifest["mask_token"])
    stored = [answer["text"] for answer in manifest["variants"]["fp32"]["answers"]]
    longest = manifest["max_length"]
    return [text for text in stored + writer.mix(number) if writer.count(text) <= longest]


def check(found: Found, field: GpuField, folders: ModelFolders, number: int) -> dict[str, str]:
    """Ask all contenders, one text at a time and in batches.

    Returns:
        By contender, why no speed of it may be said.
    """
    texts, refused = texts_of(folders, number), dict[str, str]()
    reference = field.attempt(ON_CPU, "answers", texts=texts, batch_size=1)
    tolerances = {name: entry["tolerance"] for name, entry in folders.manifest["variants"].items()}
    found.params |= {
        "checked_texts": len(texts),
        "batches_checked": len(_BATCHES),
        "tolerances": {each: tolerances[each] for each in ("fp16", "fp32")},
    }
    for name in [name for name in RACERS if name != AGAIN]:
        precision = field.device.precision_of(name)
        for batch in _BATCHES:
            try:
                answers = field.attempt(name, "answers", texts=texts, batch_size=batch)
            except BlockError as error:
                refused[name] = str(error)
                break
            agreed = compare(answers, reference, tolerances[precision])
            found.rows += _rows(name, precision, batch, agreed)
            if why := agreed.refusal(tolerances[precision]):
                refused.setdefault(name, why)
    return refused


def compare(answers: Sequence[Answer], reference: Sequence[Answer], tolerance: float) -> Agreement:
    """Compare answers with the reference's, which have more tokens.

    Args:
        answers: Of each text.
        reference: Of the same texts; a token that is not in one counts there with a score of 0.
        tolerance: How much lower than its best, in shares of that, the reference may score a token that is as likely.
    """
    pairs = [(ours, theirs[0], dict(theirs)) for ours, theirs in zip(answers, reference, strict=True)]
    return Agreement(
        same=float(np.mean([ours[0][0] == best for ours, (best, _), _ in pairs])),
        as_likely=float(
            np.mean([(1 - tolerance) * top <= scores.get(ours[0][0], 0) for ours, (_, top), scores in pairs])
        ),
        difference=float(
            np.max([abs(score - scores.get(token, 0)) for ours, _, scores in pairs for token, score in ours])
        ),
    )


def _rows(name: str, precision: str, batch: int, agreed: Agreement) -> list[Row]:
    way = "one text" if batch == 1 else f"batches of {batch}"
    values = {SAME: agreed.same, AS_LIKELY: agreed.as_likely, DIFFERENCE: agreed.difference}
    return [Row(name, precision, {"measure": what, "way": way}, "share", [value]) for what, value in values.items()]
