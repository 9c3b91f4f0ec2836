"""Tokenizers that transformers has in Python only: the fast versions of those that have an exact one."""

from __future__ import annotations

from typing import Any

from transformers import BertweetTokenizer, PhobertTokenizer

from fillmask_export.at_signs import fast_at_signs
from fillmask_export.errors import CheckpointError


def fast_version(tokenizer: Any) -> Any:  # noqa: ANN401
    """Give the fast tokenizer whose files an artifact holds; a fast one is its own.

    Raises:
        CheckpointError: There is none that reads every text alike.
    """
    if isinstance(tokenizer, (BertweetTokenizer, PhobertTokenizer)):
        return fast_at_signs(tokenizer)
    if not tokenizer.is_fast:
        raise CheckpointError("has no fast tokenizer (tokenizer.json), which the engine needs")
    return tokenizer
