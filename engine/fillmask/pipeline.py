"""FillMask: one short method a verb. No loading and no arithmetic happens here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence, Sized
from functools import partial
from pathlib import Path
from typing import Any, overload

from fillmask.calls import resolved, run, run_many
from fillmask.classification import Classification
from fillmask.comparison import Comparison
from fillmask.errors import InputError
from fillmask.infilling import Infilling
from fillmask.introspection import Introspection
from fillmask.likelihood import Likelihood
from fillmask.loading import load_model
from fillmask.model import Model
from fillmask.notices import warn
from fillmask.parameters import DEFAULT_TOP_K
from fillmask.predicting import Slots, Targets, starter
from fillmask.runtime.providers import Provider, check_providers
from fillmask.tasks.predict import Predictions, predict, resolve
from fillmask.texts import texts_of
from fillmask.transformers_shape import PredictionDict, as_transformers
from fillmask.windows import Truncation


class FillMask(Introspection, Likelihood, Infilling, Comparison, Classification):
    """Predicts the tokens behind a text's masks.

    It is loaded completely or not at all, and threads may share it. It pickles: the other process loads the same
    variant again, and chooses its own providers if none were given.

    Args:
        model: A model folder, a hub id, or None for the embedded English model.
        variant: ``"fp32"``, ``"int8"``, …, or ``"auto"`` for the one the folder recommends, on a GPU fp16 if it has it.
        revision: Branch, tag or commit of a hub model.
        providers: ONNX Runtime's execution providers in order of preference, each a name or a name with its options;
            None takes CUDA if it starts and the variant is not one for CPUs, else the CPU.
        threads: Threads of one run; None takes what the process may use.
        placeholders: Read ``[MASK]``, ``<mask>`` and ``{mask}`` as this model's mask in a text without that mask.

    Attributes:
        model: The loaded model: its folder, variant, tokenizer and session.

    Raises:
        ArtifactError: The model is missing, broken, or not a masked LM.
        ProviderError: An execution provider is missing or does not start.

    Example:
        >>> fill_mask = FillMask()
        >>> fill_mask("She drank a cup of [MASK].", top_k=1)[0]["token_str"]
        'tea'
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        variant: str = "auto",
        revision: str | None = None,
        providers: Sequence[Provider] | None = None,
        threads: int | None = None,
        placeholders: bool = True,
    ) -> None:
        wanted = None if providers is None else check_providers(providers)
        load = partial(load_model, model, providers=wanted, threads=threads, placeholders=placeholders)
        self.model: Model = load(variant=variant, revision=revision)
        warn(self.model.notices)
        self._reload = partial(FillMask, model, variant=self.variant, revision=self.artifact.revision,
                               providers=wanted, threads=threads, placeholders=placeholders)  # fmt: skip

    # The declared types are those of texts with one mask, as in transformers: the number of masks is no type.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        inputs: str,
        top_k: int | None = ...,
        targets: str | Sequence[str] | None = ...,
        *,
        truncation: Truncation | None = ...,
    ) -> list[PredictionDict]: ...

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        inputs: Collection[str],
        top_k: int | None = ...,
        targets: str | Sequence[str] | None = ...,
        *,
        truncation: Truncation | None = ...,
    ) -> list[list[PredictionDict]]: ...

    @overload
    def __call__(
        self,
        inputs: Iterable[str],
        top_k: int | None = ...,
        targets: str | Sequence[str] | None = ...,
        *,
        truncation: Truncation | None = ...,
    ) -> Iterator[list[PredictionDict]]: ...

    def __call__(
        self,
        inputs: str | Iterable[str],
        top_k: int | None = DEFAULT_TOP_K,
        targets: str | Sequence[str] | None = None,
        *,
        truncation: Truncation | None = None,
    ) -> Any:
        """Predict as ``transformers.pipeline("fill-mask")`` does, in its shapes.

        Type checkers see the types of texts with one mask, as those of transformers do. ``predict`` has one type.

        Args:
            inputs: A text, a list of texts, or a column of texts of numpy, pandas, Polars, pyarrow or datasets. Any
                other iterable, such as a generator, is read lazily.
            top_k: As in ``predict``.
            targets: As in ``predict``.
            truncation: As in ``predict``.

        Returns:
            For a text with one mask a list of dicts ``score, token, token_str, sequence``; with several masks one
            such list per mask. For a list or a column a list of one result per text, but for a list of one text that
            text's result. For an iterable without a length an iterator of results.

        Raises:
            InputError: One of the texts, top_k or the targets is wrong.
        """
        parameters = resolved(partial(resolve, self.model, top_k=top_k, targets=targets, truncation=truncation))
        if isinstance(inputs, str):
            return as_transformers(run(self.model, predict(self.model, inputs, parameters)))
        texts = texts_of("inputs must be a string or an iterable of strings", inputs)
        results = (as_transformers(run(self.model, predict(self.model, text, parameters))) for text in texts)
        if isinstance(inputs, (list, tuple)):
            return next(results) if len(inputs) == 1 else list(results)
        return list(results) if isinstance(inputs, Sized) else results

    def predict(  # noqa: PLR0913 -- one parameter an option
        self,
        text: str,
        *,
        top_k: int | None = DEFAULT_TOP_K,
        targets: Targets | None = None,
        truncation: Truncation | None = None,
        strict_targets: bool = False,
        words: bool = False,
        filled: bool = False,
        slots: Slots | None = None,
    ) -> Predictions:
        """Predict the tokens behind each mask of one text.

        Args:
            text: A text with one mask or more.
            top_k: Predictions per mask, None for 5. With ``targets`` there are at most as many as targets.
            targets: Score only these words, or a list of them for each mask. One that is not a token of the model is
                replaced by its first piece, with a ``TargetWarning``.
            truncation: None refuses a text with more than ``max_length`` tokens. ``"right"`` keeps its beginning.
                ``"window"`` keeps the surroundings of the masks; ``sequence`` is then the window.
            strict_targets: A target that is not a token of the model is an error.
            words: Predict whole words only, or behind a word the pieces of letters and digits that continue it.
            filled: Each prediction is a ``FilledPrediction``, with its place in ``text``, and that text filled.
            slots: Fill these parts ``(start, end)`` of the text, in code points. Placeholders are then not read.

        Returns:
            One list per mask, left to right, each best first.

        Raises:
            InputError: The text, top_k or the targets are wrong.
            ForkError: This process is a fork of the one that loaded the model.
        """
        start = starter(self.model, top_k=top_k, targets=targets, truncation=truncation, strict_targets=strict_targets,
                        words=words, filled=filled, slots=slots)  # fmt: skip
        return run(self.model, start(text))

    def predict_many(  # noqa: PLR0913 -- one parameter an option
        self,
        texts: Iterable[str],
        *,
        top_k: int | None = DEFAULT_TOP_K,
        targets: Targets | None = None,
        truncation: Truncation | None = None,
        strict_targets: bool = False,
        words: bool = False,
        filled: bool = False,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[Predictions | InputError]:
        """Predict for many texts, lazily and in order.

        Args:
            texts: Any iterable of texts: a list, a generator, or a column of numpy, pandas, Polars or pyarrow. They are
                read one at a time, or some ahead where several run together.
            top_k: As in ``predict``.
            targets: With a list for each mask every text needs as many masks.
            truncation: As in ``predict``.
            strict_targets: As in ``predict``.
            words: As in ``predict``.
            filled: As in ``predict``.
            batch_size: Texts of similar length that run together. None is 1, and on a GPU 64 where the model is
                batch-invariant.
            workers: Runs at the same time, each on ``threads`` threads. For throughput take ``threads=1``, a worker
                for each core and a batch_size of 16.

        Returns:
            An iterator of what ``predict`` returns for each text, or of the ``InputError`` that it raises: one bad
            text does not cost the others their predictions.

        Raises:
            InputError: top_k, targets, batch_size or workers, which hold for every text, are wrong; or a text's
                scores would depend on its neighbors, since the model is not batch-invariant.
        """
        each = texts_of("texts must be an iterable of strings", texts)
        start = starter(self.model, top_k=top_k, targets=targets, truncation=truncation, strict_targets=strict_targets,
                        words=words, filled=filled)  # fmt: skip
        return run_many(self.model, map(start, each), batch_size, workers)

    def __repr__(self) -> str:
        source, providers = self.artifact.source, self.providers
        return f"FillMask({source!r}, variant={self.variant!r}, providers={providers}, threads={self.threads})"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reload, ()
