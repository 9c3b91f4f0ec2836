"""Token ids to Prediction: the token as text, and the text with the token in its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from fillmask.artifact.tokenizer import ModelTokenizer

# The clean-up that transformers applies where clean_up_tokenization_spaces is set, in its order.
_CLEAN_UP = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
]  # fmt: skip
# Tokens that stand before another, and their text.
_Before = tuple[list[int], str]
_NOTHING: _Before = ([], "")


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


class _Texts(dict[int, str]):
    """Tokens as text, each decoded where it is first asked for: joining them takes a third of decoding anew."""

    def __init__(self, decode: Callable[[int], str]) -> None:
        self._decode = decode

    def __missing__(self, token: int) -> str:
        text = self[token] = self._decode(token)
        return text

    def join(self, ids: list[int]) -> str:
        return "".join(map(self.__getitem__, ids))


class Decoder:
    """Decodes predictions for one model.

    Args:
        tokenization: The model's tokenizer.
    """

    def __init__(self, tokenization: ModelTokenizer) -> None:
        self._tokenizer = tokenization.tokenizer
        self._pad_token_id = tokenization.pad_token_id
        self._clean_up = tokenization.clean_up
        self._special = {token for token, added in self._tokenizer.get_added_tokens_decoder().items() if added.special}
        self._anchor = _anchor(tokenization)
        # Of tokens alone, and behind the anchor with and without the special ones.
        self._alone = _Texts(partial(_text_behind, self._tokenizer, _NOTHING, False))
        anchor = self._anchor or _NOTHING
        self._pieces = [_Texts(partial(_text_behind, self._tokenizer, anchor, skip)) for skip in (False, True)]

    def around(self, input_ids: NDArray[np.int64], position: int, *, single_mask: bool) -> Callable[[int], str]:
        """Make the function from a token to the text with that token in place of a mask.

        It needs no logits, and is made before the run: behind it the caches hold the model's weights and little else.

        Args:
            input_ids: The text's tokens, ``int64[s]``.
            position: Where the mask is.
            single_mask: Whether it is the text's only mask; the special tokens are then left out.
        """
        # Dropping every padding token also drops a predicted one, which is what transformers does.
        ids = input_ids.tolist()
        left, right = self._without_padding(ids[:position]), self._without_padding(ids[position + 1 :])
        return self._filler(left, right, skip_special_tokens=single_mask)

    def decode(self, fill: Callable[[int], str], best: Iterable[tuple[int, float]]) -> list[Prediction]:
        """Turn the best tokens of one mask into predictions.

        Args:
            fill: What ``around`` made for the mask.
            best: ``(token id, score)``, best first.

        Source: transformers FillMaskPipeline.postprocess.
        """
        return [Prediction(score, token, self._token_str(token), fill(token)) for token, score in best]

    def _without_padding(self, ids: list[int]) -> list[int]:
        return [token for token in ids if token != self._pad_token_id] if self._pad_token_id in ids else ids

    def _token_str(self, token: int) -> str:
        return self._cleaned(self._alone[token])

    def _filler(self, left: list[int], right: list[int], *, skip_special_tokens: bool) -> Callable[[int], str]:
        """Decode what stands left and right of the mask once, for all predictions.

        That is right for WordPiece, whose decoder treats each token by itself, except that the first has no space
        before it.
        """

        def whole(token: int) -> str:
            middle = [] if token == self._pad_token_id else [token]
            return self._text(left + middle + right, skip_special_tokens=skip_special_tokens)

        before = self._beginning(left, skip_special_tokens=skip_special_tokens) if self._anchor else ""
        if not before:
            return whole
        pieces = self._pieces[skip_special_tokens]
        after = pieces.join(right)

        def spliced(token: int) -> str:
            middle = "" if token == self._pad_token_id else pieces[token]
            return self._cleaned(f"{before}{middle}{after}")

        return spliced

    def _beginning(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        """Tokens as text, as they read at the beginning of it; empty if none of them shows."""
        for index, token in enumerate(ids):
            if not (skip_special_tokens and token in self._special):
                return f"{self._alone[token]}{self._pieces[skip_special_tokens].join(ids[index + 1 :])}"
        return ""

    def _text(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        return self._cleaned(self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))

    def _cleaned(self, text: str) -> str:
        if self._clean_up:
            for spaced, clean in _CLEAN_UP:
                text = text.replace(spaced, clean)
        return text


def as_transformers(masks: list[list[Prediction]]) -> list[Any]:
    """Predictions in the shape that transformers gives a text: dicts, and no outer list where there is one mask."""
    answers = [[_as_dict(prediction) for prediction in predictions] for predictions in masks]
    return answers[0] if len(answers) == 1 else answers


def _as_dict(prediction: Prediction) -> dict[str, Any]:
    # dataclasses.asdict copies deeply, and takes twenty times as long.
    return {
        "score": prediction.score,
        "token": prediction.token,
        "token_str": prediction.token_str,
        "sequence": prediction.sequence,
    }


def _text_behind(tokenizer: Tokenizer, before: _Before, skip_special_tokens: bool, token: int) -> str:
    ids, text = before
    decoded: str = tokenizer.decode([*ids, token], skip_special_tokens=skip_special_tokens)
    return decoded[len(text) :]


def _anchor(tokenization: ModelTokenizer) -> _Before | None:
    """An ordinary token and its text, to decode others behind it; None where the decoder is no WordPiece."""
    tokenizer = tokenization.tokenizer
    if tokenizer.decoder is None or json.loads(tokenizer.decoder.__getstate__()).get("type") != "WordPiece":
        return None
    added = tokenizer.get_added_tokens_decoder()
    token = next(token for token in count() if token not in added)
    text = tokenizer.decode([token]) if tokenizer.id_to_token(token) is not None else ""
    return ([token], text) if text else None
