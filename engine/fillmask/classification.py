"""The verbs of ``FillMask`` that label texts: ``classify``, ``classify_many`` and ``fit_prior``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from fillmask.calls import run, run_many
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.results import Results
from fillmask.texts import texts_of

if TYPE_CHECKING:
    from fillmask.tasks.classify import Aggregate, Label, Labels
    from fillmask.tasks.prior import Prior
    from fillmask.tasks.rank import RankMethod

TEMPLATE = "{text} This example is {mask}."


class Classification:
    """Verbs of a loaded model. Their tasks are imported at the first call, which keeps the start fast.

    Attributes:
        model: The loaded model.
    """

    model: Model

    def classify(  # noqa: PLR0913 -- one parameter an option
        self,
        text: str,
        labels: Labels,
        template: str | Sequence[str] = TEMPLATE,
        *,
        prior: Prior | None = None,
        temperature: float = 1.0,
        aggregate: Aggregate = "logsumexp",
        multi_label: bool = False,
        method: RankMethod = "l2r",
        normalize: Literal["pieces"] | None = None,
        truncation: Literal["right"] | None = None,
    ) -> Results[Label]:
        """Label a text by the words that the model predicts in a template.

        Args:
            text: A text. Nothing in it is a placeholder.
            labels: Labels, each its own word, or a mapping from labels to words; words have any number of tokens.
            template: A text with ``{text}`` and one mask, or several such texts, whose results are averaged.
            prior: What ``fit_prior`` gives for the same labels and templates; it is taken off.
            temperature: Divides what the softmax is of. It changes scores, not their order.
            aggregate: How the words of a label count together: ``"logsumexp"`` adds their probabilities. With a prior,
                that favors labels of more words; ``"mean"`` and ``"max"`` do not.
            multi_label: Score each label by itself against its prior, as p / (p + prior) where it has one word.
            method: As in ``rank``.
            normalize: None, or ``"pieces"`` for means over the pieces of a word.
            truncation: None refuses a text that is too long; ``"right"`` keeps its beginning and the whole template.

        Returns:
            The labels, best first. Their scores are not calibrated.

        Raises:
            InputError: The text or an argument is wrong.
        """
        from fillmask.tasks.classify import CLASSIFY

        parameters = CLASSIFY.resolve(
            self.model, labels=labels, template=template, prior=prior, temperature=temperature, aggregate=aggregate,
            multi_label=multi_label, method=method, normalize=normalize, truncation=truncation,
        ).value  # fmt: skip
        return run(self.model, CLASSIFY.task(self.model, text, parameters))

    def classify_many(  # noqa: PLR0913 -- one parameter an option
        self,
        texts: Iterable[str],
        labels: Labels,
        template: str | Sequence[str] = TEMPLATE,
        *,
        prior: Prior | None = None,
        temperature: float = 1.0,
        aggregate: Aggregate = "logsumexp",
        multi_label: bool = False,
        method: RankMethod = "l2r",
        normalize: Literal["pieces"] | None = None,
        truncation: Literal["right"] | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[Results[Label] | InputError]:
        """Label many texts, lazily and in order.

        Args:
            texts: As in ``predict_many``.
            labels: As in ``classify``.
            template: As in ``classify``.
            prior: As in ``classify``.
            temperature: As in ``classify``.
            aggregate: As in ``classify``.
            multi_label: As in ``classify``.
            method: As in ``classify``.
            normalize: As in ``classify``.
            truncation: As in ``classify``.
            batch_size: As in ``predict_many``. On a CPU no number is refused, and all above 1 do the same: rows of
                several texts share a run only where that keeps every bit.
            workers: As in ``predict_many``.

        Returns:
            An iterator of what ``classify`` returns for each text, or of the ``InputError`` that it raises.

        Raises:
            InputError: An argument that holds for every text is wrong; or on a GPU a text's scores would depend on its
                neighbors.
        """
        from fillmask.tasks.classify import CLASSIFY

        each = texts_of("texts must be an iterable of strings", texts)
        parameters = CLASSIFY.resolve(
            self.model, labels=labels, template=template, prior=prior, temperature=temperature, aggregate=aggregate,
            multi_label=multi_label, method=method, normalize=normalize, truncation=truncation,
        ).value  # fmt: skip
        tasks = (CLASSIFY.task(self.model, text, parameters) for text in each)
        return run_many(self.model, tasks, batch_size, workers, alone=True)

    def fit_prior(  # noqa: PLR0913 -- one parameter an option
        self,
        texts: Iterable[str] | None = None,
        *,
        labels: Labels,
        template: str | Sequence[str] = TEMPLATE,
        method: RankMethod = "l2r",
        normalize: Literal["pieces"] | None = None,
        truncation: Literal["right"] | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Prior:
        """Measure how likely the words of labels are whatever the text.

        Args:
            texts: Texts without labels, such as those to classify, or None for ``"N/A"`` and the empty text.
            labels: As in ``classify``.
            template: As in ``classify``.
            method: As in ``classify``.
            normalize: As in ``classify``.
            truncation: As in ``classify``.
            batch_size: As in ``predict_many``.
            workers: As in ``predict_many``.

        Returns:
            The mean probability of each word over the texts, for each template. ``to_json`` stores it.

        Raises:
            InputError: There is no text, or a text or an argument is wrong.
        """
        from fillmask.prior_fitting import fit_prior
        from fillmask.tasks.classify import CLASSIFY

        each = None if texts is None else texts_of("texts must be an iterable of strings", texts)
        parameters = CLASSIFY.resolve(
            self.model, labels=labels, template=template, method=method, normalize=normalize, truncation=truncation
        ).value
        return fit_prior(self.model, each, parameters, batch_size, workers)
