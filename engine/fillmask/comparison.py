"""The verbs of ``FillMask`` that compare what may stand at a mask: ``rank`` and ``rank_many``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fillmask.calls import run, run_many
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.texts import texts_of

if TYPE_CHECKING:
    from fillmask.masking import MaskingTruncation
    from fillmask.predicting import Slots
    from fillmask.tasks.rank import Normalize, Ranking, RankMethod


class Comparison:
    """Verbs of a loaded model. Their tasks are imported at the first call, which keeps the start fast.

    Attributes:
        model: The loaded model.
    """

    model: Model

    def rank(
        self,
        text: str,
        candidates: Sequence[str],
        *,
        method: RankMethod = "l2r",
        normalize: Normalize | None = None,
        truncation: MaskingTruncation | None = None,
        slots: Slots | None = None,
    ) -> Ranking:
        """Rank candidates of any length at each mask of a text.

        Args:
            text: A text with one mask or more. Masks without white space between them are one slot.
            candidates: Words or phrases; duplicates count once, as do candidates that the tokenizer reads alike. Also
                at a slot that is glued to a word, WordPiece reads them as words.
            method: What is masked while a piece of a candidate is read: it and the later ones (``"l2r"``), or all
                (``"parallel"``, which takes fewer rows).
            normalize: What is compared: None the log probability, which favors few pieces; ``"pieces"`` its mean over
                pieces, which favors long predictable candidates; ``"characters"`` its mean over characters.
            truncation: None refuses a text that is too long; ``"window"`` keeps the tokens around the slot.
            slots: As in ``predict``.

        Returns:
            One list per slot, left to right, each best first. The filled text may tokenize into other pieces, and
            ``score`` may then give it another number.

        Raises:
            InputError: The text or an argument is wrong. Characters that the vocabulary lacks are refused.
        """
        from fillmask.tasks.rank import RANK

        parameters = RANK.resolve(
            self.model, candidates=candidates, method=method, normalize=normalize, truncation=truncation
        ).value
        return run(self.model, RANK.task(self.model, text, replace(parameters, slots=slots)))

    def rank_many(
        self,
        texts: Iterable[str],
        candidates: Sequence[str],
        *,
        method: RankMethod = "l2r",
        normalize: Normalize | None = None,
        truncation: MaskingTruncation | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[Ranking | InputError]:
        """Rank the same candidates in many texts, lazily and in order.

        Args:
            texts: As in ``predict_many``.
            candidates: As in ``rank``.
            method: As in ``rank``.
            normalize: As in ``rank``.
            truncation: As in ``rank``.
            batch_size: As in ``predict_many``. On a CPU no number is refused, and all above 1 do the same: rows of
                several texts share a run only where that keeps every bit.
            workers: As in ``predict_many``.

        Returns:
            An iterator of what ``rank`` returns for each text, or of the ``InputError`` that it raises.

        Raises:
            InputError: An argument that holds for every text is wrong; or on a GPU a text's scores would depend on its
                neighbors.
        """
        from fillmask.tasks.rank import RANK

        each = texts_of("texts must be an iterable of strings", texts)
        parameters = RANK.resolve(
            self.model, candidates=candidates, method=method, normalize=normalize, truncation=truncation
        ).value
        tasks = (RANK.task(self.model, text, parameters) for text in each)
        return run_many(self.model, tasks, batch_size, workers, alone=True)
