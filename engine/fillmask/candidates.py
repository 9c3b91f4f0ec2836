"""Candidates for a slot: words and phrases of any length, as token ids that continue the text before the slot."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer
from tokenizers.pre_tokenizers import Sequence as Splitters

from fillmask.encoding import check_text
from fillmask.errors import CandidatesError, TextError
from fillmask.model import Model
from fillmask.prefixes import Node

_NAMED = 3  # in a message, of candidates that are wrong alike


class Candidate(NamedTuple):
    """A candidate and its tokens.

    Attributes:
        text: As the caller wrote it.
        ids: Its token ids, at least one.
    """

    text: str
    ids: tuple[int, ...]


class Candidates:
    """The candidates of a call, tokenized once for each kind of slot.

    Behind white space a word of a byte-level vocabulary begins with ``Ġ``, at the beginning of a text and behind
    punctuation it does not; likewise ``▁`` of SentencePiece. WordPiece reads a candidate in one way everywhere.

    Args:
        model: The model.
        texts: What the caller gave.

    Attributes:
        model: The model.
        texts: The distinct candidates, in order.
        walked: The rows of a slot that a verb made of them, by its method and whether a word there has the mark.

    Raises:
        CandidatesError: They are not a list of strings, or one has no token, white space at an end, a special token,
            or characters that the vocabulary lacks.
    """

    def __init__(self, model: Model, texts: object) -> None:
        self.model = model
        self.texts = check_candidates(texts)
        boundary = model.pieces.boundary
        self._marks_words = boundary is not None and boundary.begins  # else a candidate reads alike everywhere
        self.walked: dict[tuple[str, bool], list[Node]] = {}
        self._read: dict[bool, list[Candidate]] = {}
        self._ids: dict[bool, dict[str, tuple[int, ...]]] = {}
        self.of(marked=True)  # a candidate that cannot be read is an error of the call, not of a text

    def of(self, *, marked: bool) -> list[Candidate]:
        """The candidates for a slot at which a word has the vocabulary's mark, or has not.

        Candidates that the tokenizer reads alike, such as ``Paris`` and ``paris`` of an uncased model, are one, under
        the first text.
        """
        marked = marked or not self._marks_words
        if marked not in self._read:
            ids = _token_ids(self.model, self.texts, marked=marked)
            found = [Candidate(text, tuple(each)) for text, each in zip(self.texts, ids, strict=True)]
            self._check(found)
            self._ids[marked] = dict(found)
            first: dict[tuple[int, ...], Candidate] = {}
            for each in found:
                first.setdefault(each.ids, each)
            self._read[marked] = list(first.values())
        return self._read[marked]

    @cached_property
    def kinds(self) -> tuple[bool, ...]:
        """The kinds of slot at which the candidates can be read: whether a word has the vocabulary's mark there."""
        if not self._marks_words:
            return (True,)
        try:
            self.of(marked=False)
        except CandidatesError:  # an error of each text with such a slot, which then has no rows
            return (True,)
        return (True, False)

    def ids(self, *, marked: bool) -> dict[str, tuple[int, ...]]:
        """The token ids of each of ``texts``, as ``of`` has them; several may have the same."""
        self.of(marked=marked)
        return self._ids[marked or not self._marks_words]

    def _check(self, candidates: Sequence[Candidate]) -> None:
        tokenizer = self.model.tokenizer
        added = tokenizer.tokenizer.get_added_tokens_decoder()
        special = {token for token, each in added.items() if each.special} - {tokenizer.unk_token_id}
        refused: list[tuple[str, Callable[[tuple[int, ...]], bool]]] = [
            ("has no token", lambda ids: not ids),
            ("has a token that is not in the vocabulary", lambda ids: tokenizer.unk_token_id in ids),
            ("has a special token", lambda ids: not special.isdisjoint(ids)),
            ("has a token that the model does not score", lambda ids: max(ids) >= self.model.vocab_size),
        ]
        for what, is_wrong in refused:
            wrong = [candidate.text for candidate in candidates if is_wrong(candidate.ids)]
            if wrong:
                names = ", ".join(map(repr, wrong[:_NAMED]))
                more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
                raise CandidatesError(f"a candidate {what}: {names}{more}; leave it out")


def check_candidates(candidates: object) -> list[str]:
    """Check what a caller gives as candidates.

    Returns:
        The distinct ones, in order.

    Raises:
        CandidatesError: Not a list of strings, none, or one that is no text or has white space at an end.
    """
    if isinstance(candidates, (str, bytes)) or not isinstance(candidates, Sequence):
        raise CandidatesError(f"candidates must be a list of strings, got {type(candidates).__name__}")
    if not candidates:
        raise CandidatesError("candidates must have at least one string, got none")
    for index, candidate in enumerate(candidates):
        try:
            check_text(candidate)
        except TextError as error:
            raise CandidatesError(f"candidates[{index}]: {error}") from error
        if not candidate or candidate.strip() != candidate:
            raise CandidatesError(
                f"candidates[{index}] is {candidate!r}; a candidate has characters, and no white space at its ends"
            )
    return list(dict.fromkeys(candidates))


def _token_ids(model: Model, texts: Sequence[str], *, marked: bool) -> list[list[int]]:
    tokenizer, pieces = model.tokenizer.tokenizer, model.pieces
    plain = _encode(tokenizer, texts)
    if pieces.boundary is None or not pieces.boundary.begins:
        return plain
    wrong = [index for index, ids in enumerate(plain) if ids and pieces.is_marked(ids[0]) != marked]
    if not wrong:
        return plain
    words = [texts[index] for index in wrong]
    changed = _encode(tokenizer, [f" {word}" for word in words]) if marked else _bare(model, words)
    for index, ids in zip(wrong, changed, strict=True):
        plain[index] = ids
    return plain


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    return [list(each.ids) for each in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def _bare(model: Model, texts: Sequence[str]) -> list[list[int]]:
    """Tokenize texts whose first words have no mark, with a tokenizer that would add one."""
    tokenizer, boundary = model.tokenizer.tokenizer, model.pieces.boundary
    plain = Tokenizer(tokenizer.model)
    plain.pre_tokenizer = _without_prefix(tokenizer.pre_tokenizer)
    parts = [text.partition(" ") for text in texts]
    firsts = [tokenizer.normalizer.normalize_str(first) if tokenizer.normalizer else first for first, _, _ in parts]
    heads = _encode(plain, [first.removeprefix(boundary.mark if boundary else "") for first in firsts])
    tails = iter(_token_ids(model, [rest for _, _, rest in parts if rest], marked=True))
    return [head + next(tails) if rest else head for head, (_, _, rest) in zip(heads, parts, strict=True)]


def _without_prefix(splitter: PreTokenizer | None) -> PreTokenizer:
    """A copy of a pre-tokenizer that adds no mark before the first word."""
    copy = Splitters([])
    if splitter is not None:
        copy.__setstate__(json.dumps(_unprefixed(json.loads(splitter.__getstate__()))).encode())
    return copy


def _unprefixed(settings: Any) -> Any:  # noqa: ANN401 -- any JSON value
    if isinstance(settings, list):
        return [_unprefixed(each) for each in settings]
    if not isinstance(settings, dict):
        return settings
    changes = {"add_prefix_space": False, "prepend_scheme": "never"}
    return {name: changes.get(name, _unprefixed(value)) for name, value in settings.items()}
