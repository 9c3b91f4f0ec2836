"""FillMask: one short method a verb. No loading and no arithmetic happens here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fillmask.calls import run, run_many
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
from fillmask.tasks.predict import Predictions
from fillmask.texts import texts_of
from fillmask.transformers_shape import TransformersCall
from fillmask.windows import Truncation


class FillMask(TransformersCall, Introspection, Likelihood, Infilling, Comparison, Classification):
    """Predicts the tokens behind a text's masks.

    It is loaded completely or not at all, and threads may share it. It pickles: the other process loads the same
    variant again, and chooses its own providers if none were given.

    Args:
        model: A model folder, a hub id, alone or as ``"ID@REVISION"``, or None for the embedded English model.
        variant: ``"fp32"``, ``"int8"``, …, or ``"auto"`` for the one the folder recommends, on a GPU fp16 if it has it.
        revision: Branch, tag or commit of a hub model.
        providers: ONNX Runtime's execution providers in order of preference, each a name or a name with its options;
            None takes CUDA if it starts and the variant is not one for CPUs, else the CPU.
        threads: Threads of one run; None takes what the process may use.
        placeholders: Read ``[MASK]``, ``<mask>`` and ``{mask}`` as the mask in a text to fill without this model's own.

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
        named = model if self.artifact.revision is None else self.artifact.source  # without the revision in a name
        self._reload = partial(FillMask, named, variant=self.variant, revision=self.artifact.revision,
                               providers=wanted, threads=threads, placeholders=placeholders)  # fmt: skip

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
            targets: Score only these keys of the vocabulary (``"capital"``, ``"Ġcapital"``), or a list for each mask.
                Others are replaced by their first piece, with a ``TargetWarning``; ``rank`` takes words.
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
                scores would depend on its neighbors, since texts of equal length change each other's.
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
