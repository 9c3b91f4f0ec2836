"""Settings that override ``tokenizer.json``.

In an artifact of ``fillmask export`` the two files agree. In a folder from elsewhere they may not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer, normalizers, pre_tokenizers

from fillmask.artifact.tokenizer_classes import TokenizerClass


def override(tokenizer: Tokenizer, settings: Mapping[str, Any], known: TokenizerClass) -> None:
    """Apply the settings to a tokenizer, in place.

    Args:
        tokenizer: As tokenizer.json defines it.
        settings: ``tokenizer_config.json``.
        known: The tokenizer's class.

    Source: ``__init__`` of transformers' BertTokenizerFast and PreTrainedTokenizerFast.
    """
    if known.sets_normalizer:
        _override_normalizer(tokenizer, settings)
    if known.sets_prefix_space:
        _override_prefix_space(tokenizer, settings)


def _override_normalizer(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
    state = _state(tokenizer.normalizer)
    wanted = {
        "lowercase": settings.get("do_lower_case", True),
        "strip_accents": settings.get("strip_accents"),
        "handle_chinese_chars": settings.get("tokenize_chinese_chars", True),
    }
    if state.get("type") == "BertNormalizer" and any(state[key] != value for key, value in wanted.items()):
        tokenizer.normalizer = normalizers.BertNormalizer(clean_text=state["clean_text"], **wanted)


def _override_prefix_space(tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
    state = _state(tokenizer.pre_tokenizer)
    wanted = settings.get("add_prefix_space", False)
    if state.get("type") == "ByteLevel" and state["add_prefix_space"] != wanted:
        del state["type"]
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**state | {"add_prefix_space": wanted})


def _state(component: Any) -> dict[str, Any]:  # noqa: ANN401 -- tokenizers has no types
    state: dict[str, Any] = {} if component is None else json.loads(component.__getstate__())
    return state
