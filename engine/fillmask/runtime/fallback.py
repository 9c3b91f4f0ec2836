"""Which variant starts on which providers: what was asked for or an error, and without a choice the best that works."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fillmask.artifact.folder import Artifact
from fillmask.artifact.manifest import GPU_VARIANTS
from fillmask.errors import ProviderError, ProviderWarning
from fillmask.runtime.providers import CPU, CUDA, Provider, wants_gpu
from fillmask.runtime.session import Session


@dataclass(frozen=True, slots=True)
class Start:
    """A variant and the providers that it shall run on.

    Attributes:
        variant: Its name.
        providers: In order of preference, checked.
    """

    variant: str
    providers: list[Provider]


def plan_starts(artifact: Artifact, variant: str, providers: Sequence[Provider] | None) -> list[Start]:
    """Say what to try, one after the other.

    Args:
        artifact: The model.
        variant: A variant, or ``"auto"``: on a GPU fp16 where the manifest has it, else what the manifest recommends.
        providers: What was asked for, checked, which is then all that is tried. None takes CUDA where it is there and
            the variant is made for it, and the CPU otherwise.

    Raises:
        ArtifactError: The model has no such variant.
    """
    on_gpu = artifact.choose(variant, gpu=True)
    if providers is not None:
        return [Start(on_gpu if wants_gpu(providers) else artifact.choose(variant), list(providers))]
    starts = [Start(artifact.choose(variant), [CPU])]
    if wants_gpu(None) and on_gpu in GPU_VARIANTS:
        starts.insert(0, Start(on_gpu, [CUDA, CPU]))
    return starts


def start(
    artifact: Artifact, starts: Sequence[Start], graph: tuple[bytes | Path, Path | None], threads: int | None
) -> tuple[str, Session]:
    """Start the first that works; each that does not is a warning.

    Args:
        artifact: The model.
        starts: What to try.
        graph: Of the first one's variant, as ``Artifact.graph`` gives it.
        threads: Of a run.

    Returns:
        The variant, and its session.

    Raises:
        ProviderError: The last does not start.
        ArtifactError: The graph is broken.
    """
    first, *others = starts
    try:
        return first.variant, Session(graph[0], weights=graph[1], providers=first.providers, threads=threads)
    except ProviderError as error:
        if not others:
            raise
        message = f"{error}. Running variant {others[0].variant} on {others[0].providers[0]} instead"
        warnings.warn(message, ProviderWarning, stacklevel=3)
    return start(artifact, others, artifact.graph(others[0].variant), threads)
