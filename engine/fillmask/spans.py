"""Where tokens and words stand in the caller's own text, in code points.

A tokenizer reports offsets into the text that it was given. Two things are undone here: the offsets of byte-level
tokens, and of a mask that strips the space before it, include white space; and one character may be several tokens.
Where placeholders are replaced by the model's mask, each character of the new text has its place in the caller's text.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text: ``text[start:end]``, in code points."""

    start: int
    end: int


class UnifiedText(NamedTuple):
    """A text whose placeholders are the model's mask.

    Attributes:
        text: What the tokenizer reads.
        origins: For each character of ``text`` its span in the caller's text; None if the texts are equal.
    """

    text: str
    origins: list[Span] | None = None


def unify_masks(text: str, placeholders: Iterable[str], mask_token: str) -> UnifiedText:
    """Replace placeholders by the mask, as ``str.replace`` does for one after the other, and keep track of positions.

    Example: ``unify_masks("{mask}!", ["{mask}"], "[M]")`` has the text ``"[M]!"``; its first three characters come from
    ``Span(0, 6)``, the last one from ``Span(6, 7)``.
    """
    origins: list[Span] | None = None
    for placeholder in placeholders:
        if placeholder in text and origins is None:
            origins = [Span(index, index + 1) for index in range(len(text))]
        at = text.find(placeholder)
        while origins is not None and at >= 0:
            end = at + len(placeholder)
            whole = Span(origins[at].start, origins[end - 1].end)
            text = text[:at] + mask_token + text[end:]
            origins[at:end] = [whole] * len(mask_token)
            at = text.find(placeholder, at + len(mask_token))
    return UnifiedText(text, origins)


def trace(text: str, offsets: Iterable[tuple[int, int]]) -> list[Span]:
    """Give the spans of tokens in the caller's text, without white space around them.

    Args:
        text: The caller's text, which the tokenizer read.
        offsets: Start and end of each token in it.

    Returns:
        A span for each token. Tokens that are parts of one character, such as the bytes of an emoji, have the span of
        that character. A token of white space alone keeps it. Combining marks that a tokenizer drops belong to the
        token before them.
    """
    spans = [trimmed(text, Span(start, end)) for start, end in offsets]
    starts = {span.start for span in spans}
    return [Span(span.start, _behind_marks(text, span.end, starts)) for span in spans]


def trimmed(text: str, span: Span) -> Span:
    """Leave out white space at both ends of a span, unless there is nothing else in it."""
    content = text[span.start : span.end]
    if not content or content.isspace():
        return span
    start = span.end - len(content.lstrip())
    return Span(start, start + len(content.strip()))


def words_between_spaces(text: str, spans: Sequence[Span]) -> list[int]:
    """Number the words of tokens: words stand between white space, and punctuation at their ends is apart.

    ``isn't``, ``well-known`` and ``3.14`` are one word each, ``(yes!)`` is four. The same text has the same words for
    every tokenizer, but for one whose tokens cross the end of a word: a token belongs to the word that it begins in.

    Args:
        text: The caller's text.
        spans: Of its tokens.

    Returns:
        The number of the word of each token. Equal numbers are one word.
    """
    numbers = _number_characters(text)
    return [numbers[min(span.start, len(text) - 1)] for span in spans]


def _behind_marks(text: str, end: int, starts: Container[int]) -> int:
    while 0 < end < len(text) and end not in starts and unicodedata.category(text[end]).startswith("M"):
        end += 1
    return end


def _number_characters(text: str) -> list[int]:
    """For each character the number of its word; white space belongs to the word behind it."""
    starts = set(_word_starts(text))
    numbers, number = [], 0
    for index, character in enumerate(text):
        number += index in starts
        numbers.append(number + character.isspace())
    return numbers


def _word_starts(text: str) -> Iterator[int]:
    for match in re.finditer(r"\S+", text):
        first, last = match.start(), match.end()
        while first < last and _is_punctuation(text[first]):
            yield first
            first += 1
        end = last
        while end > first and _is_punctuation(text[end - 1]):
            end -= 1
        if end > first:
            yield first
        yield from range(end, last)


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
