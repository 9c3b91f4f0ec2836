"""Token ids to Prediction: the token as text, and the text with the token in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fillmask.tokenization import Tokenization

# The clean-up that transformers applies where clean_up_tokenization_spaces is set, in its order.
_CLEAN_UP = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
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


def decode(
    tokenization: Tokenization,
    input_ids: NDArray[np.int64],
    position: int,
    best: Iterable[tuple[int, float]],
    *,
    single_mask: bool,
) -> list[Prediction]:
    """Turn the best tokens of one mask into predictions.

    Args:
        tokenization: The model's tokenizer.
        input_ids: The text's tokens, ``int64[s]``.
        position: Where the mask is.
        best: ``(token id, score)``, best first.
        single_mask: Whether it is the text's only mask; the special tokens are then left out of ``sequence``.

    Source: transformers FillMaskPipeline.postprocess.
    """
    predictions = []
    for token, score in best:
        filled = input_ids.copy()
        filled[position] = token
        # Dropping every padding token also drops a predicted one, which is what transformers does.
        kept = filled if tokenization.pad_token_id is None else filled[filled != tokenization.pad_token_id]
        sequence = _text(tokenization, kept.tolist(), skip_special_tokens=single_mask)
        token_str = _text(tokenization, [token], skip_special_tokens=False)
        predictions.append(Prediction(score, token, token_str, sequence))
    return predictions


def _text(tokenization: Tokenization, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
    text: str = tokenization.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)
    if tokenization.clean_up:
        for spaced, clean in _CLEAN_UP:
            text = text.replace(spaced, clean)
    return text
