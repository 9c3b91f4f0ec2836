"""The verbs of ``FillMask`` that fill the slots of a text together: ``infill`` and ``infill_many``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from fillmask.calls import resolved, run, run_many
from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.parameters import DEFAULT_TOP_K
from fillmask.results import Results
from fillmask.texts import texts_of

if TYPE_CHECKING:
    from fillmask.masking import MaskingTruncation
    from fillmask.predicting import Slots
    from fillmask.tasks.infill import Infill, Normalize, Order, Pieces


class Infilling:
    """Verbs of a loaded model. Their tasks are imported at the first call, which keeps the start fast.

    Attributes:
        model: The loaded model.
    """

    model: Model

    def infill(  # noqa: PLR0913 -- one parameter an option
        self,
        text: str,
        *,
        top_k: int | None = DEFAULT_TOP_K,
        order: Order = "left",
        width: int = 8,
        pieces: Pieces = 1,
        refine: int = 0,
        words: bool = True,
        normalize: Normalize | None = "pieces",
        truncation: MaskingTruncation | None = None,
        slots: Slots | None = None,
    ) -> Results[Infill]:
        """Fill the slots of a text together, so that the words fit each other.

        Args:
            text: A text with one mask or more. Masks without white space between them are one slot, of as many pieces.
            top_k: Results, at most; None for 5.
            order: What is chosen first: the ``"left"`` token, the most ``"confident"`` one, or each by itself
                (``"independent"``). Sums of different orders are not comparable.
            width: Hypotheses that go on after each token. 1 takes the best token each time. It has no effect with
                ``"independent"``, and another one than 8 then warns.
            pieces: Tokens of a slot of one mask: a number, or the least and the most, as in ``(1, 3)``.
            refine: Sweeps in which each token is masked and chosen again. Results are then scored from left to right.
            words: The first token of a slot begins a word and the later ones continue it. False allows every token.
            normalize: How results are compared: by the mean log probability over ``"pieces"``, which favors long
                predictable words, or None by the sum, which favors few pieces.
            truncation: None refuses a text that is too long; ``"window"`` keeps the tokens around the slots.
            slots: Fill these parts ``(start, end)`` of the text, in code points. Placeholders are then not read.

        Returns:
            The filled texts, best first, each with what stands at each slot.

        Raises:
            InputError: The text or an argument is wrong.
        """
        from fillmask.tasks.infill import INFILL

        options = {"words": words, "normalize": normalize, "truncation": truncation, "slots": slots}
        search = {"order": order, "width": width, "pieces": pieces, "refine": refine}
        parameters = resolved(partial(INFILL.resolve, self.model, top_k=top_k, **search, **options))
        return run(self.model, INFILL.task(self.model, text, parameters))

    def infill_many(  # noqa: PLR0913 -- one parameter an option
        self,
        texts: Iterable[str],
        *,
        top_k: int | None = DEFAULT_TOP_K,
        order: Order = "left",
        width: int = 8,
        pieces: Pieces = 1,
        refine: int = 0,
        words: bool = True,
        normalize: Normalize | None = "pieces",
        truncation: MaskingTruncation | None = None,
        batch_size: int | None = None,
        workers: int = 1,
    ) -> Iterator[Results[Infill] | InputError]:
        """Fill the slots of many texts, lazily and in order.

        Args:
            texts: As in ``predict_many``.
            top_k: As in ``infill``.
            order: As in ``infill``.
            width: As in ``infill``.
            pieces: As in ``infill``.
            refine: As in ``infill``.
            words: As in ``infill``.
            normalize: As in ``infill``.
            truncation: As in ``infill``.
            batch_size: As in ``predict_many``. On a CPU no number is refused, and all above 1 do the same: rows of
                several texts share a run only where that keeps every bit.
            workers: As in ``predict_many``.

        Returns:
            An iterator of what ``infill`` returns for each text, or of the ``InputError`` that it raises.

        Raises:
            InputError: An argument that holds for every text is wrong; or on a GPU a text's scores would depend on its
                neighbors.
        """
        from fillmask.tasks.infill import INFILL

        each = texts_of("texts must be an iterable of strings", texts)
        options = {"words": words, "normalize": normalize, "truncation": truncation}
        search = {"order": order, "width": width, "pieces": pieces, "refine": refine}
        parameters = resolved(partial(INFILL.resolve, self.model, top_k=top_k, **search, **options))
        tasks = (INFILL.task(self.model, text, parameters) for text in each)
        return run_many(self.model, tasks, batch_size, workers, alone=True)
