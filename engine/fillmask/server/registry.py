"""The served models, by the names that requests use, and the engine's steps that the server runs one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from fillmask import FillMask, __version__, answering, parameters
from fillmask.errors import InputError
from fillmask.many import CPU_ROOM, GPU_ROOM, plan
from fillmask.runtime.providers import parse_provider
from fillmask.server.http_errors import HttpError, shortened
from fillmask.server.settings import Settings

if TYPE_CHECKING:
    from fillmask.server.request import RequestParameters

# The engine's types under the server's names; no other module of the server imports them.
Row: TypeAlias = answering.Row
Predictions: TypeAlias = answering.Answer
CheckedParameters: TypeAlias = parameters.Question

# A batch then takes no longer on a CPU than one long text alone.
_CPU_BATCH_TOKENS = 512


class ServedModel:
    """A loaded model. Its steps are separate, so that each is timed and texts of several requests share a batch.

    Args:
        name: Its name in requests.
        fill_mask: The model, with one thread a run.

    Attributes:
        name: Its name in requests.
        max_length: Tokens of a text, at most.
        batch_invariant: Whether no score depends on the other texts of a batch.
        on_gpu: Whether all threads share one device.
        max_batch_tokens: Tokens of a batch of texts, at most.
    """

    def __init__(self, name: str, fill_mask: FillMask) -> None:
        self.name = name
        self.fill_mask = fill_mask
        self.max_length = fill_mask.max_length
        self.batch_invariant = fill_mask.batch_invariant
        self.on_gpu = fill_mask.on_gpu
        self._limits = GPU_ROOM if self.on_gpu else CPU_ROOM
        self.max_batch_tokens = GPU_ROOM.tokens if self.on_gpu else _CPU_BATCH_TOKENS

    def check_parameters(self, given: RequestParameters) -> CheckedParameters:
        """Check the parameters of a request against the model.

        Raises:
            InputError: One of them is invalid.
        """
        return self.fill_mask.ask(given.top_k, given.targets, given.truncation)

    def encode(self, text: str, checked: CheckedParameters) -> list[Row]:
        """Tokenize a text into rows.

        Raises:
            InputError: The text is invalid.
        """
        return self.fill_mask.answerer.encode(text, checked.truncation)

    def run(self, rows: Sequence[Row], checked: CheckedParameters, most: int) -> tuple[list[Predictions], float]:
        """Predict for rows, in batches of at most ``most`` rows.

        Returns:
            The predictions of each row, and the seconds in ONNX Runtime.
        """
        steps, seconds = self.fill_mask.answerer, 0.0
        results: dict[int, Predictions] = {}
        for batch in plan(rows, most, self._limits):
            start = perf_counter()
            logits = steps.forward([rows[index] for index in batch])
            seconds += perf_counter() - start
            results |= zip(batch, steps.decode(logits, checked), strict=True)
        return [results[index] for index in range(len(rows))], seconds

    def info(self) -> dict[str, Any]:
        """Describe the model for ``/models`` and ``/info``, without paths of this machine."""
        fill_mask, artifact = self.fill_mask, self.fill_mask.artifact
        return {
            "model_id": self.name,
            "model_sha": artifact.revision,
            "model_dtype": fill_mask.variant,
            "model_type": artifact.manifest.get("architecture"),
            "mask_token": fill_mask.mask_token,
            "mask_token_id": fill_mask.mask_token_id,
            "vocab_size": fill_mask.vocab_size,
            "max_input_length": self.max_length,
            "providers": fill_mask.providers,
            "batch_invariant": self.batch_invariant,
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

    def info(self, settings: Settings, threads: int) -> dict[str, Any]:
        """Describe the server for ``/info``: the default model, the limits, the version."""
        return self.default.info() | {
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


def load(models: Sequence[str], variant: str, providers: Sequence[str] = ()) -> Registry:
    """Load models.

    Args:
        models: Folders and hub ids, each alone or as ``NAME=MODEL``; none loads the embedded model.
        variant: Variant of each.
        providers: Execution providers of each, in the syntax of ``parse_provider``; none selects the best that works.

    Raises:
        FillMaskError: A model cannot be loaded, or two have the same name.
    """
    named: list[tuple[str | None, str | None]] = [_split_name(each) for each in models] or [(None, None)]
    open_model = partial(FillMask, variant=variant, providers=list(map(parse_provider, providers)) or None, threads=1)
    loaded = [_load(name, source, open_model(source)) for name, source in named]
    names = [model.name for model in loaded]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two models have the name {name!r}; name them, as in one={name} two={name}")
    return Registry(loaded)


def _split_name(given: str) -> tuple[str | None, str | None]:
    name, equals, source = given.partition("=")
    return (name, source) if equals and not Path(given).exists() else (None, given)


def _load(name: str | None, source: str | None, fill_mask: FillMask) -> ServedModel:
    if name is None:
        folder = fill_mask.artifact.revision is None and source is not None
        name = Path(str(source)).resolve().name if folder else fill_mask.artifact.source
    fill_mask.predict(fill_mask.mask_token)  # warm-up: ONNX Runtime's first run takes longer
    return ServedModel(name, fill_mask)
