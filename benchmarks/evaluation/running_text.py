"""Masked tokens of running text: how many are predicted and how surprising they are, by the length of the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.evaluation import estimates
from benchmarks.evaluation.models import Model
from benchmarks.evaluation.rows import Ids, RowEncoder

LENGTHS = (32, 64, 128, 256, 512)
_SHARE = 0.15
_ALONE_IN_PARAGRAPH = 4  # tokens that are also masked one at a time, each in a run of its own
_ALONE_IN_BLOCK = 8
_PARAGRAPH = 128
_SHORTEST = 16
_BLOCK = 510  # tokens of an article, which with two special ones make a text of 512
_MASKABLE = 480  # tokens of a block that are part of a text at every length


@dataclass(frozen=True, slots=True)
class Masked:
    """A text and the tokens that are masked in it.

    Attributes:
        ids: ``int64[s]``.
        together: Tokens that are masked at the same time, ``int64[m]``.
        alone: Those of them that are also masked one at a time.
    """

    ids: Ids
    together: Ids
    alone: Ids


def measure(model: Model, articles: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Predict masked tokens of articles.

    Returns:
        By kind of text. ``paragraphs``: at most 128 tokens each. ``32``, ``64``, …: the beginnings of the articles, cut
        into texts of that many tokens; all of them mask the same tokens, and only the surrounding text differs.
    """
    found = {"paragraphs": _measure(model, _paragraphs(model.encoder, articles))}
    blocks = list(_blocks(model.encoder, articles))
    for length in LENGTHS:
        if length <= model.encoder.max_length:
            size = length - model.encoder.special_tokens
            found[str(length)] = _measure(model, [part for block in blocks for part in cut(block, size)])
    return found


def cut(text: Masked, size: int) -> Iterator[Masked]:
    """Cut a text into texts of ``size`` tokens, and drop those without masks."""
    for start in range(0, text.ids.size, size):
        part = [each[(each >= start) & (each < start + size)] - start for each in (text.together, text.alone)]
        if part[0].size:
            yield Masked(text.ids[start : start + size], *part)


def _paragraphs(encoder: RowEncoder, articles: Sequence[Sequence[str]]) -> list[Masked]:
    rng, size = np.random.default_rng(0), _PARAGRAPH - encoder.special_tokens
    texts = [_content(encoder, paragraph)[:size] for article in articles for paragraph in article]
    return [_draw(encoder, ids, ids.size, _ALONE_IN_PARAGRAPH, rng) for ids in texts if ids.size >= _SHORTEST]


def _blocks(encoder: RowEncoder, articles: Sequence[Sequence[str]]) -> Iterator[Masked]:
    """The beginning of each article that is long enough."""
    rng = np.random.default_rng(0)
    for article in articles:
        ids = np.concatenate([_content(encoder, paragraph) for paragraph in article])[:_BLOCK]
        if ids.size == _BLOCK:
            yield _draw(encoder, ids, _MASKABLE, _ALONE_IN_BLOCK, rng)


def _measure(model: Model, texts: Sequence[Masked]) -> dict[str, Any]:
    mask = model.encoder.mask
    together = model.score([mask(text.ids, text.together) for text in texts])
    alone = model.score([mask(text.ids, place[None]) for text in texts for place in text.alone])
    return {
        "accuracy": estimates.mean([(each.ranks == 0).astype(float) for each in together]),
        "top_5": estimates.mean([(each.ranks < 5).astype(float) for each in together]),
        "loss": estimates.mean([-each.log_probs for each in together]),
        "pseudo_perplexity": estimates.exponential(estimates.mean([-each.log_probs for each in alone])),
    }


def _content(encoder: RowEncoder, paragraph: str) -> Ids:
    """A paragraph's tokens; each unknown word is the model's own unknown token."""
    first, *others = map(encoder.content, paragraph.split("<unk>"))
    return np.concatenate([first, *(ids for other in others for ids in (encoder.unknown_ids, other))])


def _draw(encoder: RowEncoder, ids: Ids, within: int, alone: int, rng: np.random.Generator) -> Masked:
    """Draw the masks among the first ``within`` tokens of a text, never at an unknown token."""
    candidates = np.flatnonzero(~np.isin(ids[:within], encoder.unknown_ids))
    together = np.sort(rng.choice(candidates, max(1, round(candidates.size * _SHARE)), replace=False))
    return Masked(ids, together, np.sort(rng.choice(together, min(alone, together.size), replace=False)))
