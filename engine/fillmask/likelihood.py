"""The verbs of ``FillMask`` that read how likely a text is: ``score`` and ``marginals``, of one text or many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fillmask.calls import run, run_many
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.texts import texts_of

if TYPE_CHECKING:
    from fillmask.masking import MaskingTruncation
    from fillmask.tasks.marginals import Marginals
    from fillmask.tasks.score import Method, Score, Words


class Likelihood:
    """Verbs of a loaded model. Their tasks are imported at the first call, which keeps the start fast.

    Attributes:
        model: The loaded model.
    """

    model: Model

    def score(
        self,
        text: str,
        *,
        method: Method = "word_l2r",
        words: Words = "pretokenizer",
        bits: bool = False,
        truncation: MaskingTruncation | None = None,
    ) -> Score:
        """Score a text by its pseudo-log-likelihood: what the model thinks of it.

        Args:
            text: A text. The model's own mask token in it stays masked and does not count. Nothing else is one.
            method: What is masked while a token is read: the token alone (``"original"``), it and the later tokens of
                its word, or its whole word.
            words: Words as the tokenizer splits them, or between ``"spaces"``, the same for every tokenizer.
            bits: Give logarithms to base 2 rather than natural ones.
            truncation: None refuses a text that is too long. ``"window"`` reads each token in the tokens around it.

        Returns:
            The sum of log probabilities, and each token and word with its own and its place in the text.

        Raises:
            InputError: The text has no token, or an argument is wrong.
        """
        from fillmask.tasks.score import SCORE

        parameters = SCORE.resolve(self.model, method=method, words=words, bits=bits, truncation=truncation).value
        return run(self.model, SCORE.task(self.model, text, parameters))

    def score_many(
        self,
        texts: Iterable[str],
        *,
        method: Method = "word_l2r",
        words: Words = "pretokenizer",
        bits: bool = False,
        truncation: MaskingTruncation | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[Score | InputError]:
        """Score many texts, lazily and in order.

        Args:
            texts: As in ``predict_many``.
            method: As in ``score``.
            words: As in ``score``.
            bits: As in ``score``.
            truncation: As in ``score``.
            batch_size: As in ``predict_many``. On a CPU no number is refused, and all above 1 do the same: rows of
                several texts share a run only where that keeps every bit.
            workers: As in ``predict_many``.

        Returns:
            An iterator of what ``score`` returns for each text, or of the ``InputError`` that it raises.

        Raises:
            InputError: An argument that holds for every text is wrong; or on a GPU a text's scores would depend on its
                neighbors.
        """
        from fillmask.tasks.score import SCORE

        each = texts_of("texts must be an iterable of strings", texts)
        parameters = SCORE.resolve(self.model, method=method, words=words, bits=bits, truncation=truncation).value
        tasks = (SCORE.task(self.model, text, parameters) for text in each)
        return run_many(self.model, tasks, batch_size, workers, alone=True)

    def marginals(
        self,
        text: str,
        *,
        alphabet: str | Sequence[str] | None = None,
        masked: bool = True,
        truncation: MaskingTruncation | None = None,
    ) -> Marginals:
        """Give the log probabilities of an alphabet at every position of a text, such as a protein.

        Args:
            text: A text. Nothing in it is a placeholder.
            alphabet: Characters, or a list of tokens; None is every ordinary token, or the 20 amino acids.
            masked: Whether a position is masked while it is read. False takes one run, and a variant that is not
                quantized or was verified there (``unmasked_verified`` of the manifest).
            truncation: As in ``score``.

        Returns:
            The matrix, which also scores variants.

        Raises:
            InputError: The text has no token, or an argument is wrong.
        """
        from fillmask.tasks.marginals import MARGINALS

        parameters = MARGINALS.resolve(self.model, alphabet=alphabet, masked=masked, truncation=truncation).value
        return run(self.model, MARGINALS.task(self.model, text, parameters))

    def marginals_many(
        self,
        texts: Iterable[str],
        *,
        alphabet: str | Sequence[str] | None = None,
        masked: bool = True,
        truncation: MaskingTruncation | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[Marginals | InputError]:
        """Give the log probabilities of an alphabet for many texts, lazily and in order.

        Args:
            texts: As in ``predict_many``.
            alphabet: As in ``marginals``.
            masked: As in ``marginals``.
            truncation: As in ``marginals``.
            batch_size: As in ``predict_many``. On a CPU no number is refused, and all above 1 do the same: rows of
                several texts share a run only where that keeps every bit.
            workers: As in ``predict_many``.

        Returns:
            An iterator of what ``marginals`` returns for each text, or of the ``InputError`` that it raises.

        Raises:
            InputError: An argument that holds for every text is wrong; or on a GPU a text's scores would depend on its
                neighbors.
        """
        from fillmask.tasks.marginals import MARGINALS

        each = texts_of("texts must be an iterable of strings", texts)
        parameters = MARGINALS.resolve(self.model, alphabet=alphabet, masked=masked, truncation=truncation).value
        tasks = (MARGINALS.task(self.model, text, parameters) for text in each)
        return run_many(self.model, tasks, batch_size, workers, alone=True)
