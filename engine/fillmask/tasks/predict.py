"""The verb ``predict``: the k best tokens at each mask of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import InputError
from fillmask.model import Model
from fillmask.parameters import check_target_ids, check_top_k, resolve_targets
from fillmask.results import Results, short_repr, to_dict
from fillmask.scoring import softmax_at
from fillmask.selection import top_k as select_top_k
from fillmask.tasks import Read, Result, Task, Verb
from fillmask.windows import Truncation, check_truncation


@dataclass(frozen=True, slots=True, repr=False)
class Prediction:
    """One token that may stand at a mask.

    Attributes:
        score: Its probability, a softmax over the whole vocabulary.
        token: Its id.
        token_str: The token as text; a word piece keeps its ``##``, a byte-level token its leading space.
        sequence: The text with the token in place of this mask, decoded from tokens, so normalized as the
            tokenizer does it. Where the text has several masks, the others and the special tokens stay in it.
    """

    score: float
    token: int
    token_str: str
    sequence: str

    __repr__ = short_repr
    to_dict = to_dict


Predictions: TypeAlias = Results[list[Prediction]]
"""One list per mask, left to right, each best first."""


@dataclass(frozen=True, slots=True)
class TopK:
    """Reads the k best tokens and their probabilities.

    Attributes:
        k: Tokens per mask.
        targets: The tokens to choose from, ``int64[t]`` ascending, as bytes so that readings compare; None for all.
    """

    k: int
    targets: bytes | None

    def __call__(self, logits: NDArray[np.float32]) -> list[list[tuple[int, float]]]:
        """Give ``(token, score)`` for each row of ``logits float32[m, V]``, best first."""
        return [self._best(row) for row in logits]

    def _best(self, logits: NDArray[np.float32]) -> list[tuple[int, float]]:
        if self.targets is None:
            ids = select_top_k(logits, self.k)
        else:
            targets = np.frombuffer(self.targets, dtype=np.int64)
            ids = targets[select_top_k(logits[targets], self.k)]
        return list(zip(ids.tolist(), softmax_at(logits, ids).tolist(), strict=True))


class Parameters(NamedTuple):
    """The arguments of a call, checked and resolved."""

    reading: TopK
    truncation: Truncation | None


def resolve(
    model: Model,
    *,
    top_k: int | None = None,
    targets: str | Sequence[str] | None = None,
    truncation: Truncation | None = None,
) -> Result[Parameters]:
    """Check and resolve the arguments of ``FillMask.predict``, once for all texts of a call.

    Raises:
        InputError: One of them is wrong. Its ``notices`` name targets that were replaced.
    """
    if targets is None:
        check_truncation(truncation)
        return Result(Parameters(TopK(check_top_k(top_k, model.vocab_size), None), truncation))
    resolved = resolve_targets(model.tokenizer, targets)
    try:
        check_truncation(truncation)
        check_target_ids(resolved.value, model.vocab_size)
        k = min(check_top_k(top_k, None), resolved.value.size)  # as transformers caps it
    except InputError as error:
        error.notices = resolved.notices
        raise
    return Result(Parameters(TopK(k, resolved.value.tobytes()), truncation), resolved.notices)


def predict(model: Model, text: str, parameters: Parameters) -> Task[Predictions]:
    """Predict the tokens behind the masks of a text.

    Raises:
        InputError: The text has no mask, or the model does not take it.
    """
    encoded = model.encode(text, parameters.truncation)
    # The text around each mask is decoded before the run, which replaces what the CPU's caches hold by weights.
    sequences = [
        model.decoder.around(row.input_ids, position, single_mask=row.single_mask)
        for row in encoded.rows
        for position in row.positions.tolist()
    ]
    found = yield [Read(row.input_ids, row.positions, parameters.reading) for row in encoded.rows]
    best = (mask for row in found for mask in row)
    token_str = model.decoder.token_str
    predictions = [
        [Prediction(score, token, token_str(token), sequence(token)) for token, score in mask]
        for sequence, mask in zip(sequences, best, strict=True)
    ]
    return Result(Results(predictions), encoded.notices)


PREDICT = Verb("predict", resolve, predict)
