"""FillMask: the steps, one after the other.

texts → encode → locate → run → select → score → decode. Each step is a module of its own; no arithmetic happens here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fillmask.ahead import Ahead
from fillmask.answering import Answerer
from fillmask.artifact.folder import Artifact, open_artifact
from fillmask.artifact.tokenizer import open_tokenizer
from fillmask.decoding import Decoder, Prediction, as_transformers
from fillmask.encoding import Encoder, Truncation, check_texts
from fillmask.errors import ArtifactError, InputError, TargetWarning
from fillmask.many import answer_many, batch_invariant, find_pace
from fillmask.parameters import DEFAULT_TOP_K, Question, ask
from fillmask.runtime.fallback import plan_starts, start
from fillmask.runtime.providers import Provider, check_providers, wants_gpu
from fillmask.targets import target_ids


class FillMask:
    """Predicts the tokens behind a text's masks.

    It is loaded completely or not at all, may be shared by threads, and pickles: the other process loads the same
    variant anew, and where no providers were asked for chooses its own.

    Args:
        model: A model folder, a hub id, or None for the embedded English model.
        variant: ``"fp32"``, ``"int8"``, …, or ``"auto"`` for the one the folder recommends, on a GPU fp16 if it has it.
        revision: Branch, tag or commit of a hub model.
        providers: ONNX Runtime's execution providers in order of preference, each a name or a name with its options;
            None takes CUDA where it starts and the variant is not one for CPUs, else the CPU.
        threads: Threads of one run; None takes what the process may use.
        placeholders: Read ``[MASK]``, ``<mask>`` and ``{mask}`` as this model's mask.

    Attributes:
        artifact: The model's folder.
        variant: The variant in use.
        answerer: The steps from a text to its answer one by one, for those who plan the runs themselves.

    Raises:
        ArtifactError: The model is not there, is broken, or is not a masked LM.
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
        asked = None if providers is None else check_providers(providers)
        self.artifact: Artifact = open_artifact(model, variant=variant, revision=revision, gpu=wants_gpu(asked))
        starts = plan_starts(self.artifact, variant, asked)
        # Hashing the graph takes as long as parsing the tokenizer, and needs no interpreter.
        graph = Ahead(partial(self.artifact.graph, starts[0].variant))
        self._tokenization = open_tokenizer(self.artifact)
        encoder = Encoder(self._tokenization, placeholders=placeholders)
        decoder = Decoder(self._tokenization)
        self.variant: str
        self.variant, self._session = start(self.artifact, starts, graph.result(), threads)
        self.answerer: Answerer = Answerer(self._tokenization, encoder, self._session, decoder)
        if self.mask_token_id >= self.vocab_size:
            raise ArtifactError(f"{self.mask_token} is token {self.mask_token_id}, the model has {self.vocab_size}")
        self._again = partial(FillMask, model, variant=self.variant, revision=self.artifact.revision,
                              providers=asked, threads=threads, placeholders=placeholders)  # fmt: skip

    def __call__(
        self,
        inputs: str | Iterable[str],
        top_k: int | None = DEFAULT_TOP_K,
        targets: str | Sequence[str] | None = None,
        *,
        truncation: Truncation | None = None,
    ) -> Any:  # noqa: ANN401 -- transformers' answer has a shape that depends on the values of its arguments
        """Answer as ``transformers.pipeline("fill-mask")`` does, in its shapes.

        Args:
            inputs: A text, a list of texts, or any other iterable of texts, which is answered lazily.
            top_k: As in ``predict``.
            targets: As in ``predict``.
            truncation: As in ``predict``.

        Returns:
            For a text with one mask a list of dicts ``score, token, token_str, sequence``; with several masks one
            such list per mask. For a list one answer per text, but for a list of one text that of the text. For any
            other iterable an iterator of answers.

        Raises:
            InputError: One of the texts, top_k or the targets cannot be answered.
        """
        question = self._ask(top_k, targets, truncation)
        if isinstance(inputs, str):
            return as_transformers(self.answerer.answer(inputs, question))
        check_texts("inputs must be a string or an iterable of strings", inputs)
        answers = (as_transformers(self.answerer.answer(text, question)) for text in inputs)
        if not isinstance(inputs, (list, tuple)):
            return answers
        return next(answers) if len(inputs) == 1 else list(answers)

    def predict(
        self,
        text: str,
        *,
        top_k: int | None = DEFAULT_TOP_K,
        targets: str | Sequence[str] | None = None,
        truncation: Truncation | None = None,
    ) -> list[list[Prediction]]:
        """Predict the tokens behind each mask of one text.

        Args:
            text: A text with one mask or more.
            top_k: Predictions per mask, None for 5. With ``targets`` there are at most as many as targets.
            targets: Score only these words. One that is no token of the model is replaced by its first piece, with
                a ``TargetWarning``.
            truncation: None refuses a text with more than ``max_length`` tokens. ``"right"`` keeps its beginning.
                ``"window"`` keeps the surroundings of the masks; ``sequence`` is then the window.

        Returns:
            One list per mask, left to right, each best first.

        Raises:
            InputError: The text, top_k or the targets cannot be answered.
            ForkError: This process is a fork of the one that loaded the model.
        """
        return self.answerer.answer(text, self._ask(top_k, targets, truncation))

    def predict_many(
        self,
        texts: Iterable[str],
        *,
        top_k: int | None = DEFAULT_TOP_K,
        targets: str | Sequence[str] | None = None,
        truncation: Truncation | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[list[list[Prediction]] | InputError]:
        """Predict for many texts, lazily and in order.

        Args:
            texts: Any iterable of texts, read one at a time, or where several run together some ahead.
            top_k: As in ``predict``.
            targets: As in ``predict``.
            truncation: As in ``predict``.
            batch_size: Texts that run together, those of like length. None is 1, and on a GPU 64 where the model is
                batch-invariant as far as is known.
            workers: Runs at the same time, each on ``threads`` threads. For throughput take ``threads=1``, a worker
                for each core and a batch_size of 16.

        Returns:
            An iterator of what ``predict`` returns for each text, or of the ``InputError`` it raises: a text that
            cannot be answered does not keep its neighbours from their answers.

        Raises:
            InputError: top_k, the targets, batch_size or workers, which hold for every text, are wrong; or a text's
                scores would depend on its neighbours, since the model is not batch-invariant.
        """
        check_texts("texts must be an iterable of strings", texts)
        question = self._ask(top_k, targets, truncation)
        pace = find_pace(self.artifact, self.variant, self._session, batch_size, workers)
        return answer_many(self.answerer, texts, question, pace)

    def ask(self, top_k: int | None, targets: str | Sequence[str] | None, truncation: Truncation | None) -> Question:
        """Check what is asked, once for all texts that ``answerer`` shall answer so.

        Args:
            top_k: As in ``predict``.
            targets: As in ``predict``.
            truncation: As in ``predict``.

        Raises:
            InputError: It cannot be answered.
        """
        return self._ask(top_k, targets, truncation)

    @property
    def mask_token(self) -> str:
        """The model's mask, as text."""
        return self._tokenization.mask_token

    @property
    def mask_token_id(self) -> int:
        """The model's mask, as a token."""
        return self._tokenization.mask_token_id

    @property
    def vocab_size(self) -> int:
        """Tokens that the model scores."""
        return self._session.vocab_size

    @property
    def max_length(self) -> int:
        """Tokens that the model takes, the special ones included."""
        return self._tokenization.max_length

    @property
    def providers(self) -> list[str]:
        """ONNX Runtime's execution providers in use, the preferred one first."""
        return self._session.providers

    @property
    def on_gpu(self) -> bool:
        """Whether the preferred provider in use is a GPU's."""
        return self._session.on_gpu

    @property
    def nodes(self) -> dict[str, int]:
        """How many of the graph's nodes each provider was given; empty where ONNX Runtime does not tell (1.23)."""
        return self._session.nodes

    @property
    def threads(self) -> int:
        """Threads of one run."""
        return self._session.threads

    @property
    def batch_invariant(self) -> bool:
        """Whether texts may run together: no score then depends on a text's neighbours."""
        return batch_invariant(self.artifact, self.variant, self._session)

    def __repr__(self) -> str:
        source, providers = self.artifact.source, self.providers
        return f"FillMask({source!r}, variant={self.variant!r}, providers={providers}, threads={self.threads})"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._again, ()

    def _ask(self, top_k: int | None, targets: str | Sequence[str] | None, truncation: Truncation | None) -> Question:
        ids, messages = (None, []) if targets is None else target_ids(self._tokenization, targets)
        for message in messages:  # which point at the caller of the method that asks
            warnings.warn(message, TargetWarning, stacklevel=3)
        return ask(self.vocab_size, top_k=top_k, target_ids=ids, truncation=truncation)
