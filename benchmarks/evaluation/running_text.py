"""Masked tokens of running text: how many are predicted and how surprising they are, by the length of the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation.estimates import exponential, mean
from benchmarks.evaluation.words import batch_size, checked
from fillmask import FillMask
from fillmask.calls import run_many
from fillmask.log_scoring import log_softmax_at
from fillmask.model import Model
from fillmask.runtime.cpu import available_threads
from fillmask.tasks import Read, Result, Task

Ids = NDArray[np.int64]
LENGTHS = (32, 64, 128, 256, 512)
_SHARE = 0.15
_ALONE_IN_PARAGRAPH = 4  # tokens that are also masked one at a time, each in a run of its own
_ALONE_IN_BLOCK = 8
_PARAGRAPH = 128
_SHORTEST = 16
_BLOCK = 510  # tokens of an article, which with two special ones make a text of 512
_MASKABLE = 480  # tokens of a block that are part of a text at every length


class Masked(NamedTuple):
    """Ids of a text, ``int64[s]``; the places that are masked together, ``int64[m]``; those also masked alone."""

    ids: Ids
    together: Ids
    alone: Ids


def read_scores(labels: NDArray[np.int64], logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Read ``logits float32[m, V]`` of masked tokens ``labels int64[m]``.

    Returns:
        ``float64[m, 2]``: the log probability of each label in nats, and how many tokens have a higher score.
    """
    columns = labels[:, None]
    ranks = (logits > np.take_along_axis(logits, columns, axis=1)).sum(axis=1)
    log_probs = [log_softmax_at(row, label)[0] for row, label in zip(logits, columns, strict=True)]
    return np.stack([log_probs, ranks.astype(np.float64)], axis=1)


def running_text(fill_mask: FillMask, articles: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Predict masked tokens of articles.

    Returns:
        By kind of text. ``paragraphs``: at most 128 tokens each. ``32``, ``64``, …: the beginnings of the articles, cut
        into texts of that many tokens; all of them mask the same tokens, and only the surrounding text differs.
    """
    windows = fill_mask.model.encoder.windows
    special = windows.prefix + windows.suffix
    found = {"paragraphs": _measure(fill_mask, list(_paragraphs(fill_mask.model, articles, _PARAGRAPH - special)))}
    blocks = list(_blocks(fill_mask.model, articles))
    for length in LENGTHS:
        if length <= fill_mask.max_length:
            parts = [part for block in blocks for part in cut(block, length - special)]
            found[str(length)] = _measure(fill_mask, parts)
    return found


def cut(text: Masked, size: int) -> Iterator[Masked]:
    """Cut a text into texts of ``size`` tokens, and drop those without masks."""
    for start in range(0, text.ids.size, size):
        part = [each[(each >= start) & (each < start + size)] - start for each in (text.together, text.alone)]
        if part[0].size:
            yield Masked(text.ids[start : start + size], *part)


def _paragraphs(model: Model, articles: Sequence[Sequence[str]], size: int) -> Iterator[Masked]:
    rng = np.random.default_rng(0)
    for paragraph in (paragraph for article in articles for paragraph in article):
        ids = _content(model, paragraph)[:size]
        if ids.size >= _SHORTEST:
            yield _draw(model, ids, ids.size, _ALONE_IN_PARAGRAPH, rng)


def _blocks(model: Model, articles: Sequence[Sequence[str]]) -> Iterator[Masked]:
    """The beginning of each article that is long enough."""
    rng = np.random.default_rng(0)
    for article in articles:
        ids = np.concatenate([_content(model, paragraph) for paragraph in article])[:_BLOCK]
        if ids.size == _BLOCK:
            yield _draw(model, ids, _MASKABLE, _ALONE_IN_BLOCK, rng)


def _measure(fill_mask: FillMask, texts: Sequence[Masked]) -> dict[str, Any]:
    together = _score(fill_mask, [(text.ids, text.together) for text in texts])
    alone = _score(fill_mask, [(text.ids, place[None]) for text in texts for place in text.alone])
    return {
        "accuracy": mean([(each[:, 1] == 0).astype(float) for each in together]),
        "top_5": mean([(each[:, 1] < 5).astype(float) for each in together]),
        "loss": mean([-each[:, 0] for each in together]),
        "pseudo_perplexity": exponential(mean([-each[:, 0] for each in alone])),
    }


def _score(fill_mask: FillMask, masked: Sequence[tuple[Ids, Ids]]) -> list[NDArray[np.float64]]:
    """The scores of texts whose tokens at some places are masked."""
    tasks = (_task(_read(fill_mask.model, *each)) for each in masked)
    results = run_many(fill_mask.model, tasks, batch_size(fill_mask), available_threads())
    return [checked(result) for result in results]


def _task(read: Read) -> Task[NDArray[np.float64]]:
    (scores,) = yield [read]
    return Result(scores)


def _read(model: Model, content: Ids, places: Ids) -> Read:
    """A row with the special tokens of the model's template around a text in which some tokens are masked."""
    windows = model.encoder.windows
    template, masked = model.encoder.encode(model.tokenizer.mask_token), content.copy()
    masked[places] = model.tokenizer.mask_token_id
    row = np.concatenate([template[: windows.prefix], masked, template[template.size - windows.suffix :]])
    return Read(row, places + windows.prefix, partial(read_scores, content[places]))


def _content(model: Model, paragraph: str) -> Ids:
    """A paragraph's tokens without special ones; each unknown word is the model's own unknown token."""
    encode = model.tokenizer.tokenizer.encode
    unknown = [] if model.tokenizer.unk_token_id is None else [model.tokenizer.unk_token_id]
    first, *others = (encode(part, add_special_tokens=False).ids for part in paragraph.split("<unk>"))
    return np.array([*first, *(token for other in others for token in (*unknown, *other))], dtype=np.int64)


def _draw(model: Model, ids: Ids, within: int, alone: int, rng: np.random.Generator) -> Masked:
    """Draw the masks among the first ``within`` tokens of a text, never at an unknown token."""
    candidates = np.flatnonzero(ids[:within] != model.tokenizer.unk_token_id)
    together = np.sort(rng.choice(candidates, max(1, round(candidates.size * _SHARE)), replace=False))
    return Masked(ids, together, np.sort(rng.choice(together, min(alone, together.size), replace=False)))
