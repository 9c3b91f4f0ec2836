"""The served models, by the names that requests use."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fillmask import __version__
from fillmask.batching import GPU_LIMITS
from fillmask.errors import InputError, IntegrityError
from fillmask.executor import run_task
from fillmask.loading import load_model
from fillmask.model import Model
from fillmask.runtime.providers import parse_provider
from fillmask.server.admission import BYTES_PER_TOKEN
from fillmask.server.http_errors import HttpError, shortened
from fillmask.server.settings import Settings
from fillmask.shortcuts.huge_pages import collapse
from fillmask.tasks.predict import predict, resolve

# A batch then takes no longer on a CPU than one long text alone.
_CPU_BATCH_TOKENS = 512
# A run takes as long as some 15 tokens more than its texts. So a text gains nothing beside others that differ by more.
# With 8 the rate of 64 clients is the same, and the 99 % of the latencies of 8 to 32 clients is 3 to 16 % higher.
_CPU_PADDING = 16
# Models of proteins have some thirty tokens; the next larger vocabularies are of bytes and of pieces of words.
_MOST_LETTERS = 64
# Limits that /info gives under the names of their settings.
_LIMITS = (
    "max_stream_texts",
    "max_characters",
    "max_masks",
    "max_request_masks",
    "max_top_k",
    "max_targets",
    "max_candidates",
    "max_reads",
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded model under a name.

    Attributes:
        name: Its name in requests.
        model: The model, with one thread a run.
    """

    name: str
    model: Model

    @property
    def bytes_per_token(self) -> int:
        """How many bytes of a text its estimate counts as a token: one if the tokens are letters, as of proteins."""
        return 1 if self.model.vocab_size <= _MOST_LETTERS else BYTES_PER_TOKEN

    @property
    def max_batch_tokens(self) -> int:
        """Tokens of a batch of texts, at most."""
        return GPU_LIMITS.tokens if self.model.session.on_gpu else _CPU_BATCH_TOKENS

    @property
    def max_padding(self) -> int:
        """Tokens by which the texts of a batch differ from its first text, at most."""
        return GPU_LIMITS.tokens if self.model.session.on_gpu else _CPU_PADDING

    @property
    def written_weights(self) -> str:
        """What clients get once somebody wrote into the files of its weights: no path of this machine."""
        return (
            f"the weights of model {self.name} were written to while they were mapped into memory; restart the server"
        )

    def info(self) -> dict[str, Any]:
        """Describe the model for ``/models`` and ``/info``, without paths of this machine."""
        model, artifact = self.model, self.model.artifact
        return {
            "model_id": self.name,
            "model_sha": artifact.revision,
            "model_dtype": model.variant,
            "model_type": artifact.manifest.get("architecture"),
            "mask_token": model.tokenizer.mask_token,
            "mask_token_id": model.tokenizer.mask_token_id,
            "vocab_size": model.vocab_size,
            "max_input_length": model.max_length,
            "providers": model.session.providers,
            "batch_invariant": model.batch_invariant,
            "task": "fill-mask",
        }


class Registry:
    """Models by name. The first is the default.

    Args:
        models: At least one.
    """

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = {model.name: model for model in models}
        self.default = models[0]

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._models.values())

    @property
    def max_length(self) -> int:
        """Tokens that a model takes, of the one that takes most."""
        return max(model.model.max_length for model in self)

    def find(self, name: str | None) -> ServedModel:
        """Return the model of a name, the default for None.

        Raises:
            HttpError: 404, no model has this name.
        """
        if name is None:
            return self.default
        if name not in self._models:
            known = ", ".join(self._models)
            # This header makes huggingface_hub raise RepositoryNotFoundError.
            raise HttpError(404, f"no model {shortened(name)} here; there is {known}", {"x-error-code": "RepoNotFound"})
        return self._models[name]

    def find_written(self) -> str | None:
        """Return the message of a model whose weights were changed in place, so that its runs fail, or None."""
        for model in self:
            try:
                model.model.session.check_weights()
            except IntegrityError:
                return model.written_weights
        return None

    def info(self, settings: Settings, threads: int) -> dict[str, Any]:
        """Describe the server for ``/info``: the default model, the limits, the version."""
        return self.default.info() | {
            "served_models": list(self._models),
            "max_concurrent_requests": settings.max_requests,
            "max_queue_tokens": settings.max_queue_tokens,
            "max_client_batch_size": settings.max_texts,
            **{name: getattr(settings, name) for name in _LIMITS},
            "requires_key": bool(settings.api_key or settings.api_key_file),
            "threads": threads,
            "version": __version__,
        }


def load(models: Sequence[str], variant: str, providers: Sequence[str] = ()) -> Registry:
    """Load models.

    Args:
        models: Folders, and hub ids with or without ``@REVISION``, each alone or as ``NAME=MODEL``; none loads the
            embedded model.
        variant: Variant of each.
        providers: Execution providers of each, in the syntax of ``parse_provider``; none selects the best that works.

    Raises:
        FillMaskError: A model cannot be loaded, or two have the same name.
    """
    named: list[tuple[str | None, str | None]] = [_split_name(each) for each in models] or [(None, None)]
    open_model = partial(load_model, variant=variant, providers=list(map(parse_provider, providers)) or None, threads=1)
    loaded = [_load(name, source, open_model(source)) for name, source in named]
    names = [model.name for model in loaded]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two models have the name {name!r}; name them, as in one={name} two={name}")
    return Registry(loaded)


def _split_name(given: str) -> tuple[str | None, str | None]:
    name, equals, source = given.partition("=")
    return (name, source) if equals and not Path(given).exists() else (None, given)


def _load(name: str | None, source: str | None, model: Model) -> ServedModel:
    if name is None:
        folder = model.artifact.revision is None and source is not None
        name = Path(str(source)).resolve().name if folder else model.artifact.source
    for notice in model.notices:
        _log.warning("model", extra={"fields": {"model": name, "warning": notice.message}})
    # Warm-up: ONNX Runtime's first run takes longer, and a folder without a manifest is tried for batches once.
    run_task(model, predict(model, model.tokenizer.mask_token, resolve(model).value))
    _ = model.invariance
    if not model.session.on_gpu:
        collapse(model.session.mappings)  # now, since it delays runs
    return ServedModel(name, model)
