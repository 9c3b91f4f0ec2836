"""Tokenizers that transformers has in Python only: the fast versions of those that have an exact one."""

from __future__ import annotations

from typing import Any

from transformers import BertJapaneseTokenizer, BertweetTokenizer, PhobertTokenizer

from fillmask_export.at_signs import fast_at_signs
from fillmask_export.errors import CheckpointError
from fillmask_export.japanese import fast_japanese

_MOSES = "its tokenizer rewrites and splits texts by Moses' rules and word lists, which are Python code (sacremoses)"
# Why a class has no fast version.
REASONS = {
    "FlaubertTokenizer": _MOSES,
    "LukeTokenizer": "its tokenizer exists in Python only beside transformers 4, and fillmask does not convert it",
    "PerceiverTokenizer": "its tokenizer reads bytes in Python, and its model gives logits for every position that it "
    "has, whatever the length of the text",
    "RoCBertTokenizer": "its tokenizer gives the model the shape and the pronunciation of characters beside tokens",
    "TapasTokenizer": "its tokenizer reads a table with each text",
    "XLMTokenizer": _MOSES,
}


def fast_version(tokenizer: Any) -> Any:  # noqa: ANN401
    """Give the fast tokenizer whose files an artifact holds; a fast one is its own.

    Raises:
        CheckpointError: There is none that reads every text alike.
    """
    if isinstance(tokenizer, (BertweetTokenizer, PhobertTokenizer)):
        return fast_at_signs(tokenizer)
    if isinstance(tokenizer, BertJapaneseTokenizer):
        return fast_japanese(tokenizer)
    if not tokenizer.is_fast:
        reason = REASONS.get(type(tokenizer).__name__, "its tokenizer exists in Python only")
        raise CheckpointError(f"has no fast tokenizer (tokenizer.json), which the engine needs: {reason}")
    return tokenizer
