"""Texts with one mask each, for accuracy: of a trained model words of real sentences are masked."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.models.folders import ModelFolders, open_tokenizer
from benchmarks.models.texts import Writer

_LONGEST = 128


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text with a mask.

    Attributes:
        text: The text.
        label: The token that the mask replaced; None where it replaced none.
    """

    text: str
    label: int | None


def make_masked_texts(folders: ModelFolders, number: int) -> list[MaskedText]:
    """So many texts, or as many as there are words of one token.

    A model of random weights gets texts of random words.
    """
    mask = folders.manifest["mask_token"]
    if not folders.trained:
        return [MaskedText(text, None) for text in Writer.of(folders).mix(number)]
    from fillmask_export.probes import read_texts

    tokenizer, mask_id = open_tokenizer(folders.artifact), folders.manifest["mask_token_id"]
    masked = [each for text in read_texts(folders.texts) for each in _mask_words(tokenizer, text, mask, mask_id)]
    random.Random(0).shuffle(masked)  # noqa: S311 -- no secret
    return masked[:number]


def _mask_words(tokenizer: Any, text: str, mask: str, mask_id: int) -> list[MaskedText]:  # noqa: ANN401
    """One masked text for each word that is one token."""
    ids, words = tokenizer.encode(text).ids, text.split()
    found = []
    for place in range(len(words)):
        masked = " ".join([*words[:place], mask, *words[place + 1 :]])
        masked_ids = tokenizer.encode(masked).ids
        if len(masked_ids) == len(ids) <= _LONGEST:
            found.append(MaskedText(masked, ids[masked_ids.index(mask_id)]))
    return found
