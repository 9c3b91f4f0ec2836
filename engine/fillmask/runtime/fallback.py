"""Which variant runs on which providers: an explicit choice must work; otherwise a GPU falls back to the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fillmask.artifact.folder import Artifact, Graph
from fillmask.artifact.manifest import GPU_VARIANTS
from fillmask.errors import ProviderError, ProviderWarning
from fillmask.notices import Notice
from fillmask.runtime.providers import CPU, CUDA, Provider, wants_gpu
from fillmask.runtime.session import Session


class Option(NamedTuple):
    """A variant, and the providers to run it on.

    Attributes:
        variant: Its name.
        providers: In order of preference, checked.
    """

    variant: str
    providers: list[Provider]


def options(artifact: Artifact, variant: str, providers: Sequence[Provider] | None) -> list[Option]:
    """List what to try, in order.

    Args:
        artifact: The model.
        variant: A variant, or ``"auto"``: on a GPU fp16 where the manifest has it, else what the manifest recommends.
        providers: The caller's choice, checked, which is then the only option. None takes CUDA where it is available
            and the variant is made for it, and the CPU otherwise.

    Raises:
        ArtifactError: The model has no such variant.
    """
    on_gpu = artifact.choose(variant, gpu=True)
    if providers is not None:
        return [Option(on_gpu if wants_gpu(providers) else artifact.choose(variant), list(providers))]
    found = [Option(artifact.choose(variant), [CPU])]
    if wants_gpu(None) and on_gpu in GPU_VARIANTS:
        found.insert(0, Option(on_gpu, [CUDA, CPU]))
    return found


def start(
    artifact: Artifact, untried: Sequence[Option], graph: Graph, threads: int | None
) -> tuple[str, Session, list[Notice]]:
    """Start the first option that works.

    Args:
        artifact: The model.
        untried: What to try.
        graph: The graph of the first option's variant.
        threads: Threads of a run.

    Returns:
        The variant, its session, and a notice for each option that did not start.

    Raises:
        ProviderError: The last option does not start.
        ArtifactError: The graph is broken.
    """
    first, *others = untried
    try:
        session = Session(graph.content, weights=graph.weights, providers=first.providers, threads=threads)
        return first.variant, session, []
    except ProviderError as error:
        if not others:
            raise
        message = f"{error}. Running variant {others[0].variant} on {others[0].providers[0]} instead"
    graph = artifact.graph(others[0].variant)
    artifact.check_weights(graph)
    variant, session, notices = start(artifact, others, graph, threads)
    return variant, session, [Notice(ProviderWarning, message), *notices]
