"""The models of a server, by the names that requests use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fillmask import FillMask, __version__
from fillmask.errors import InputError
from fillmask.runtime.providers import parse_provider
from fillmask.server.engines import Engine
from fillmask.server.http_errors import Refusal, shortened
from fillmask.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes:
        name: What requests call it.
        fill_mask: The model itself.
        engine: Its steps.
    """

    name: str
    fill_mask: FillMask
    engine: Engine

    def facts(self) -> dict[str, Any]:
        """What ``/models`` and ``/info`` say of it; no path of this machine among it."""
        fill_mask, artifact = self.fill_mask, self.fill_mask.artifact
        return {
            "model_id": self.name,
            "model_sha": artifact.revision,
            "model_dtype": fill_mask.variant,
            "model_type": artifact.manifest.get("architecture"),
            "mask_token": fill_mask.mask_token,
            "mask_token_id": fill_mask.mask_token_id,
            "vocab_size": fill_mask.vocab_size,
            "max_input_length": fill_mask.max_length,
            "providers": fill_mask.providers,
            "batch_invariant": self.engine.batches,
            "task": "fill-mask",
        }


class Catalogue:
    """Models by name, the first of them the default.

    Args:
        models: At least one.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = {model.name: model for model in models}
        self.default = models[0]

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def find(self, name: str | None) -> Model:
        """The model of a name, the default for None.

        Raises:
            Refusal: 404, there is none of this name.
        """
        if name is None:
            return self.default
        if name not in self._models:
            known = ", ".join(self._models)
            # The header makes huggingface_hub raise its RepositoryNotFoundError.
            raise Refusal(404, f"no model {shortened(name)} here; there is {known}", {"x-error-code": "RepoNotFound"})
        return self._models[name]

    def info(self, settings: Settings, threads: int) -> dict[str, Any]:
        """What ``/info`` says: the default model, the limits, the version."""
        return self.default.facts() | {
            "served_models": list(self._models),
            "max_concurrent_requests": settings.max_requests,
            "max_queue_tokens": settings.max_queue_tokens,
            "max_client_batch_size": settings.max_texts,
            "max_stream_texts": settings.max_stream_texts,
            "max_top_k": settings.max_top_k,
            "requires_key": bool(settings.api_key or settings.api_key_file),
            "threads": threads,
            "version": __version__,
        }


def load(wanted: Sequence[str], variant: str, providers: Sequence[str] = ()) -> Catalogue:
    """Load models.

    Args:
        wanted: Folders and hub ids, each alone or as ``NAME=MODEL``; none for the embedded one.
        variant: Variant of each.
        providers: Execution providers of each, as ``parse_provider`` reads them; none for the best that works.

    Raises:
        FillMaskError: One cannot be loaded, or two have the same name.
    """
    named: list[tuple[str | None, str | None]] = [_named(each) for each in wanted] or [(None, None)]
    open_model = partial(FillMask, variant=variant, providers=list(map(parse_provider, providers)) or None, threads=1)
    models = [_load(name, model, open_model(model)) for name, model in named]
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two models are called {name!r}; name them, as in one={name} two={name}")
    return Catalogue(models)


def _named(wanted: str) -> tuple[str | None, str | None]:
    name, equals, model = wanted.partition("=")
    return (name, model) if equals and not Path(wanted).exists() else (None, wanted)


def _load(name: str | None, model: str | None, fill_mask: FillMask) -> Model:
    if name is None:
        folder = fill_mask.artifact.revision is None and model is not None
        name = Path(str(model)).resolve().name if folder else fill_mask.artifact.source
    fill_mask.predict(fill_mask.mask_token)  # ONNX Runtime's first run takes longer, and no client should wait for it
    return Model(name, fill_mask, Engine(fill_mask))
