"""From a text to its predictions: the rows it is run as, one run, and what the logits say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask.artifact.tokenizer import ModelTokenizer
from fillmask.decoding import Decoder, Prediction
from fillmask.encoding import Encoder, Truncation, pad
from fillmask.errors import NoMaskError
from fillmask.locating import locate
from fillmask.parameters import Question
from fillmask.runtime.session import Session
from fillmask.scoring import softmax_at

Answer = list[list[Prediction]]
"""One list per mask, left to right, each best first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A text, or a window of one, ready to run.

    Attributes:
        input_ids: ``int64[s]``.
        positions: Of its masks, ``int64[m]``, ascending.
        single_mask: Whether the text has no other mask.
    """

    input_ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    single_mask: bool


@dataclass(frozen=True, slots=True)
class Ran:
    """Rows that the model has run on.

    Attributes:
        fills: For each row and each of its masks the function from a token to the text with it.
        logits: At the masks, ``float32[b, m, V]``.
    """

    fills: list[list[Callable[[int], str]]]
    logits: NDArray[np.float32]


class Answerer:
    """Encodes, runs and decodes with one model.

    Args:
        tokenization: The model's special tokens.
        encoder: For its texts.
        session: Its graph.
        decoder: For its tokens.
    """

    def __init__(self, tokenization: ModelTokenizer, encoder: Encoder, session: Session, decoder: Decoder) -> None:
        self._encoder = encoder
        self._session = session
        self._decoder = decoder
        self._mask_token_id = tokenization.mask_token_id
        self._pad_token_id = tokenization.pad_token_id or 0

    def check_process(self) -> None:
        """As ``Session.check_process``."""
        self._session.check_process()

    def encode(self, text: str, truncation: Truncation | None) -> list[Row]:
        """Make the rows of a text.

        Raises:
            InputError: The text cannot be answered.
            ForkError: This process is a fork of the one that loaded the model.
        """
        self._session.check_process()
        encoded = self._encoder.encode(text, truncation)
        rows = []
        for input_ids in encoded:
            positions = locate(input_ids, self._mask_token_id)
            if positions.size:
                rows.append(Row(input_ids, positions, len(encoded) == positions.size == 1))
        if not rows:
            raise NoMaskError(self._encoder.no_mask)
        return rows

    def answer(self, text: str, question: Question) -> Answer:
        """Predict for one text; its windows run one after the other."""
        answer: Answer = []
        for row in self.encode(text, question.truncation):
            answer += self.run([row], question)[0]
        return answer

    def run(self, rows: Sequence[Row], question: Question) -> list[Answer]:
        """Predict for rows with equally many masks, in one run.

        Returns:
            The answer of each row.
        """
        return self.decode(self.forward(rows), question)

    def forward(self, rows: Sequence[Row]) -> Ran:
        """Run the model on rows with equally many masks, which is the first half of ``run``."""
        # What surrounds a mask is decoded while the caches hold the tokenizer's memory, not the weights.
        fills = [
            [
                self._decoder.around(row.input_ids, place, single_mask=row.single_mask)
                for place in row.positions.tolist()
            ]
            for row in rows
        ]
        encoded = pad([row.input_ids for row in rows], self._pad_token_id)
        positions = rows[0].positions[None] if len(rows) == 1 else np.stack([row.positions for row in rows])
        return Ran(fills, self._session.run(encoded, positions))

    def decode(self, ran: Ran, question: Question) -> list[Answer]:
        """Read the answers from the logits, which are used up by it; the second half of ``run``."""
        return [
            [self._decode(fill, ran.logits[row, mask], question) for mask, fill in enumerate(fills)]
            for row, fills in enumerate(ran.fills)
        ]

    def _decode(self, fill: Callable[[int], str], logits: NDArray[np.float32], question: Question) -> list[Prediction]:
        ids = question.select(logits)
        return self._decoder.decode(fill, zip(ids.tolist(), softmax_at(logits, ids).tolist(), strict=True))
