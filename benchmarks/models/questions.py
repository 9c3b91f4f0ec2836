"""Texts with one mask each, for accuracy: words of real sentences hidden where a model has learned something."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.models.folders import ModelFolders, open_tokenizer
from benchmarks.models.texts import Writer

_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Question:
    """A text with a mask.

    Attributes:
        text: The text.
        label: The token that stood there; None where nothing did.
    """

    text: str
    label: int | None


def make_questions(folders: ModelFolders, number: int) -> list[Question]:
    """So many questions, or as many as the texts have words that are one token.

    A model of random weights is asked texts of random words.
    """
    mask = folders.manifest["mask_token"]
    if not folders.trained:
        return [Question(text, None) for text in Writer(folders.artifact, mask).mix(number)]
    from fillmask_export.probes import read_texts

    tokenizer = open_tokenizer(folders.artifact)
    mask_id = folders.manifest["mask_token_id"]
    asked = [question for text in read_texts(folders.texts) for question in _hide(tokenizer, text, mask, mask_id)]
    random.Random(0).shuffle(asked)  # noqa: S311 -- no secret
    return asked[:number]


def _hide(tokenizer: Any, text: str, mask: str, mask_id: int) -> list[Question]:  # noqa: ANN401
    """One question for each word of a text that is one token."""
    ids, words = tokenizer.encode(text).ids, text.split()
    found = []
    for place in range(len(words)):
        hidden = " ".join([*words[:place], mask, *words[place + 1 :]])
        masked = tokenizer.encode(hidden).ids
        if len(masked) == len(ids) <= _LONGEST:
            found.append(Question(hidden, ids[masked.index(mask_id)]))
    return found
