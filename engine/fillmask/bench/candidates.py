"""The variants that may be timed: those that give their stored predictions on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fillmask.artifact.folder import Artifact
from fillmask.runtime.providers import CPU
from fillmask.verification import Check, verify


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant of the model.

    Attributes:
        variant: Its name.
        checked: Whether its predictions were compared with those stored; False where the folder stores none, and where
            its files are not in the hub's cache.
        failed: Why it is not timed, or None.
    """

    variant: str
    checked: bool
    failed: str | None = None


def candidates(model: str | Path | None, artifact: Artifact, variant: str | None = None) -> list[Candidate]:
    """Check the stored predictions of every variant on the CPU, which is what is timed.

    Args:
        model: As in ``FillMask``.
        artifact: The same, opened.
        variant: The only one wanted, or None for all.

    Raises:
        IntegrityError: A file is not the one that was exported.
        ArtifactError: There is no such variant, or a manifest that stores no predictions.
    """
    wanted = None if variant is None else artifact.choose(variant)
    if artifact.manifest:
        checks = {check.variant: check for check in verify(model, providers=[CPU])}
        found = [_candidate(checks[name]) if name in checks else _missing(name, artifact) for name in artifact.variants]
    else:
        found = [Candidate(name, checked=False) for name in artifact.variants]
    return [each for each in found if wanted in (None, each.variant)]


def trusted(found: list[Candidate], default: str) -> list[str]:
    """The variants that may be recommended.

    Where the folder stores no predictions, that is the engine's default, or the only variant of the run.
    """
    timed = [each for each in found if each.failed is None]
    checked = [each.variant for each in timed if each.checked]
    return checked or [each.variant for each in timed if each.variant == default or len(found) == 1]


def _candidate(check: Check) -> Candidate:
    if check.passed:
        return Candidate(check.variant, checked=True)
    if check.max_score_difference is None:
        failed = f"does not run here: {check.error}"
    elif not check.predicts:
        failed = f"predictions differ here by up to {check.max_score_difference:.1e} (allowed {check.tolerance:.0e})"
    else:
        failed = (
            f"scores of a text beside padding differ here from those alone by up to {check.batch_difference:.1e} "
            f"(allowed {check.batch_tolerance:.0e})"
        )
    return Candidate(check.variant, checked=True, failed=failed)


def _missing(variant: str, artifact: Artifact) -> Candidate:
    """A variant of the hub that was not fetched: ``verify`` leaves it out."""
    fetch = f"fillmask pull {artifact.source} --revision {artifact.revision} --variant {variant}"
    return Candidate(variant, checked=False, failed=f"its files are not in the hub's cache; `{fetch}` fetches them")
