"""The verb ``score``: the pseudo-log-likelihood of a text, with the surprisal of its tokens and words.

Each token is predicted from the rest of the text, and the logarithms of the probabilities of the text's own tokens are
added up. Three methods differ in what is masked while a token is read:

- ``"original"``: the token alone (Salazar et al. 2020).
- ``"word_l2r"``: the token and the later tokens of its word (Kauf & Ivanova 2023). The default: a long word gets no
  credit for a piece that its other pieces give away. The sum over a word is the logarithm of a proper probability.
- ``"whole_word"``: all tokens of its word.

The special tokens of the model's template are neither masked nor counted. Their positions identify them: a ``[SEP]``
inside the text counts. The model's own mask token in the text is context: it stays masked and does not count. Nothing
else is a mask: ``{mask}`` is text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from fillmask.errors import InputError, TextError, UnknownWarning
from fillmask.log_scoring import log_softmax_at
from fillmask.masking import (
    MaskingTruncation,
    check_length,
    check_masking_truncation,
    masked_read,
    most_positions,
    neighbors,
)
from fillmask.model import Model
from fillmask.notices import Notice
from fillmask.results import html, short_repr, to_dict
from fillmask.spans import Span, trimmed, words_between_spaces
from fillmask.tasks import Read, Result, Task, Verb, read_all
from fillmask.text_tokens import TextTokens, tokenize

Method: TypeAlias = Literal["word_l2r", "original", "whole_word"]
Words: TypeAlias = Literal["pretokenizer", "spaces"]


@dataclass(frozen=True, slots=True, repr=False)
class ScoredToken:
    """A token of a text and its log probability.

    Attributes:
        text: The caller's ``text[start:end]``.
        start: In code points. Tokens that are parts of one character all have its span.
        end: In code points.
        log_prob: In nats, or in bits on request; its negative is the surprisal.
        unknown: Whether the vocabulary lacks the token, so that ``log_prob`` is that of ``[UNK]``.
        token: Its id.
        token_str: The token as text, as in ``Prediction``.
    """

    text: str
    start: int
    end: int
    log_prob: float
    unknown: bool
    token: int
    token_str: str

    __repr__ = short_repr
    to_dict = to_dict


@dataclass(frozen=True, slots=True, repr=False)
class ScoredWord:
    """A word of a text and its log probability.

    Attributes:
        text: The caller's ``text[start:end]``.
        start: In code points.
        end: In code points.
        log_prob: The sum over its tokens.
        unknown: Whether one of its tokens is unknown.
    """

    text: str
    start: int
    end: int
    log_prob: float
    unknown: bool

    __repr__ = short_repr
    to_dict = to_dict


@dataclass(frozen=True, slots=True, repr=False)
class Score:
    """What a model thinks of a text.

    Attributes:
        log_prob: The sum over its tokens, float64; in nats, or in bits on request.
        perplexity: ``exp(-log_prob / n)`` for n tokens and nats; the same number in both units.
        tokens: Its tokens from left to right, without those of the template and without masks.
        words: Its words from left to right, without masks.
    """

    log_prob: float
    perplexity: float
    tokens: tuple[ScoredToken, ...]
    words: tuple[ScoredWord, ...]

    __repr__ = short_repr
    to_dict = to_dict
    _repr_html_ = html


@dataclass(frozen=True, slots=True)
class LogProbs:
    """Reads the log probability of one token at each position.

    Attributes:
        ids: A token for each position.
    """

    ids: tuple[int, ...]

    def __call__(self, logits: NDArray[np.float32]) -> list[float]:
        """Give nats for each row of ``logits float32[m, V]``."""
        tokens = np.array(self.ids, dtype=np.int64)
        return [float(log_softmax_at(row, tokens[[index]])[0]) for index, row in enumerate(logits)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The arguments of a call, checked."""

    method: Method = "word_l2r"
    words: Words = "pretokenizer"
    bits: bool = False
    truncation: MaskingTruncation | None = None


def resolve(
    _: Model,
    *,
    method: Method = "word_l2r",
    words: Words = "pretokenizer",
    bits: bool = False,
    truncation: MaskingTruncation | None = None,
) -> Result[Parameters]:
    """Check the arguments of ``FillMask.score``, once for all texts of a call.

    Raises:
        InputError: One of them is wrong.
    """
    for name, value, choices in (("method", method, get_args(Method)), ("words", words, get_args(Words))):
        if value not in choices:
            raise InputError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    if not isinstance(bits, bool):
        raise InputError(f"bits must be True or False, got {bits!r}")
    check_masking_truncation(truncation)
    return Result(Parameters(method, words, bits, truncation))


def score(model: Model, text: str, parameters: Parameters) -> Task[Score]:
    """Score a text: one row for each token, or for ``"whole_word"`` one for each word.

    Raises:
        InputError: The text has no token to score, or the model does not take it.
    """
    tokens = tokenize(model, text)
    scored = np.flatnonzero(tokens.ids != model.tokenizer.mask_token_id).tolist()
    if not scored:
        raise TextError("the text has no token to score")
    check_length(model, tokens, parameters.truncation)
    words = _words_of(text, tokens, parameters.words)
    results = yield from read_all(_reads(model, tokens, scored, _masked(words, parameters.method)))
    unit = math.log(2) if parameters.bits else 1.0
    log_probs = [log_prob / unit for row in results for log_prob in row]
    of_tokens = dict(zip(scored, _tokens(model, text, tokens, scored, log_probs), strict=True))
    total = math.fsum(log_probs)
    value = Score(
        total, _perplexity(total * unit / len(scored)), tuple(of_tokens.values()), _words(text, words, of_tokens)
    )
    return Result(value, _notices(value))


SCORE = Verb("score", resolve, score)


def _words_of(text: str, tokens: TextTokens, words: Words) -> list[range]:
    """Group the tokens of a text into words, each a range of neighbors."""
    ids: Sequence[int | None] = tokens.word_ids if words == "pretokenizer" else words_between_spaces(text, tokens.spans)
    sizes = [len(list(group)) for _, group in groupby(ids)]
    return [range(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]


def _masked(words: Sequence[range], method: Method) -> list[range]:
    """For each token the tokens that are masked while it is read."""
    if method == "original":
        return [range(index, index + 1) for word in words for index in word]
    return [range(index if method == "word_l2r" else word.start, word.stop) for word in words for index in word]


def _reads(model: Model, tokens: TextTokens, scored: Sequence[int], masked: Sequence[range]) -> Iterator[Read]:
    """Make one row for the tokens that are read while the same others are masked."""
    most = min(most_positions(model), max(1, model.encoder.windows.size // 2))  # a word may be longer than a window
    for hidden, group in groupby(scored, key=masked.__getitem__):
        for some in neighbors(group, most):
            yield masked_read(model, tokens, hidden, some, LogProbs(tuple(tokens.ids[some].tolist())))


def _tokens(
    model: Model, text: str, tokens: TextTokens, scored: Sequence[int], log_probs: Sequence[float]
) -> Iterator[ScoredToken]:
    for index, log_prob in zip(scored, log_probs, strict=True):
        (start, end), token = tokens.spans[index], int(tokens.ids[index])
        unknown = token == model.tokenizer.unk_token_id
        yield ScoredToken(text[start:end], start, end, log_prob, unknown, token, model.decoder.token_str(token))


def _words(text: str, words: Sequence[range], tokens: dict[int, ScoredToken]) -> tuple[ScoredWord, ...]:
    scored = ([tokens[index] for index in word if index in tokens] for word in words)
    return tuple(_word(text, word) for word in scored if word)


def _word(text: str, tokens: Sequence[ScoredToken]) -> ScoredWord:
    start, end = trimmed(text, Span(tokens[0].start, tokens[-1].end))
    log_prob = math.fsum(token.log_prob for token in tokens)
    return ScoredWord(text[start:end], start, end, log_prob, any(token.unknown for token in tokens))


def _perplexity(mean: float) -> float:
    try:
        return math.exp(-mean)
    except OverflowError:
        return math.inf


def _notices(value: Score) -> tuple[Notice, ...]:
    unknown = [token.text for token in value.tokens if token.unknown]
    if not unknown:
        return ()
    message = (
        f"{len(unknown)} of the text's {len(value.tokens)} tokens are not in the vocabulary, the first is "
        f"{unknown[0]!r}; their log probabilities are those of the unknown token and say nothing of the text"
    )
    return (Notice(UnknownWarning, message),)
