"""Masked tokens of running text: how many are guessed and how surprising they are, by the length of the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.cloze import estimates
from benchmarks.cloze.rows import Ids
from benchmarks.cloze.subjects import Subject

LENGTHS = (32, 64, 128, 256, 512)
_SHARE = 0.15
_ALONE_IN_PARAGRAPH = 4  # tokens that are masked one by one too, which takes a run each
_ALONE_IN_BLOCK = 8
_PARAGRAPH = 128
_SHORTEST = 16
_BLOCK = 510  # tokens of an article, which with two special ones make a text of 512
_ASKED = 480  # of a block: what is in a text whatever lengths it is cut into


@dataclass(frozen=True, slots=True)
class Masked:
    """A text and what is asked of it.

    Attributes:
        ids: ``int64[s]``.
        together: Tokens that are masked at the same time, ``int64[m]``.
        alone: Those of them that are masked one by one too.
    """

    ids: Ids
    together: Ids
    alone: Ids


def measure(subject: Subject, articles: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Ask for masked tokens of articles.

    Returns:
        By kind of text. ``paragraphs``: cut behind 128 tokens. ``32``, ``64``, …: the beginnings of the articles, cut
        into texts of that many tokens; the same tokens are masked in all of them, only how much surrounds them differs.
    """
    found = {"paragraphs": _paragraphs(subject, articles)}
    blocks = list(_blocks(subject, articles))
    for length in LENGTHS:
        if length <= subject.reader.tokenization.max_length:
            room = length - subject.reader.specials
            found[str(length)] = _ask(subject, [part for block in blocks for part in cut(block, room)])
    return found


def _paragraphs(subject: Subject, articles: Sequence[Sequence[str]]) -> dict[str, Any]:
    rng, room = np.random.default_rng(0), _PARAGRAPH - subject.reader.specials
    texts = [_content(subject, paragraph)[:room] for article in articles for paragraph in article]
    texts = [ids for ids in texts if ids.size >= _SHORTEST]
    return _ask(subject, [_choose(subject, ids, ids.size, _ALONE_IN_PARAGRAPH, rng) for ids in texts])


def _blocks(subject: Subject, articles: Sequence[Sequence[str]]) -> Iterator[Masked]:
    """The beginning of each article that is long enough."""
    rng = np.random.default_rng(0)
    for article in articles:
        ids = np.concatenate([_content(subject, paragraph) for paragraph in article])[:_BLOCK]
        if ids.size == _BLOCK:
            yield _choose(subject, ids, _ASKED, _ALONE_IN_BLOCK, rng)


def cut(text: Masked, room: int) -> Iterator[Masked]:
    """Cut a text into texts of ``room`` tokens, those that have masks."""
    for start in range(0, text.ids.size, room):
        part = [each[(each >= start) & (each < start + room)] - start for each in (text.together, text.alone)]
        if part[0].size:
            yield Masked(text.ids[start : start + room], *part)


def _ask(subject: Subject, texts: Sequence[Masked]) -> dict[str, Any]:
    mask = subject.reader.mask
    judged = subject.judge([mask(text.ids, text.together) for text in texts])
    alone = subject.judge([mask(text.ids, place[None]) for text in texts for place in text.alone])
    return {
        "accuracy": estimates.mean([(each.ranks == 0).astype(float) for each in judged]),
        "top_5": estimates.mean([(each.ranks < 5).astype(float) for each in judged]),
        "loss": estimates.mean([-each.log_probs for each in judged]),
        "pseudo_perplexity": estimates.exponential(estimates.mean([-each.log_probs for each in alone])),
    }


def _content(subject: Subject, paragraph: str) -> Ids:
    """A paragraph's tokens, where a word is unknown the model's own token for that."""
    first, *others = map(subject.reader.content, paragraph.split("<unk>"))
    return np.concatenate([first, *(ids for other in others for ids in (subject.reader.unknown_ids, other))])


def _choose(subject: Subject, ids: Ids, within: int, alone: int, rng: np.random.Generator) -> Masked:
    """Draw which of the first ``within`` tokens of a text are masked, never an unknown one."""
    candidates = np.flatnonzero(~np.isin(ids[:within], subject.reader.unknown_ids))
    together = np.sort(rng.choice(candidates, max(1, round(candidates.size * _SHARE)), replace=False))
    return Masked(ids, together, np.sort(rng.choice(together, min(alone, together.size), replace=False)))
