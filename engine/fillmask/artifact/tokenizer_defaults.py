"""Defaults of transformers' tokenizer classes, and settings that override ``tokenizer.json``.

In an artifact of ``fillmask export`` the two files agree. In a folder from elsewhere they may not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer, normalizers, pre_tokenizers

# Tokenizer classes that rewrite their normalizer, by the part of their names before "Tokenizer".
_BERT_LIKE = {
    "bert", "convbert", "distilbert", "electra", "funnel", "layoutlm", "lxmert", "mobilebert", "mpnet", "roformer",
    "squeezebert",
}  # fmt: skip


# Special tokens of a class if no file names them, as in the oldest models of the hub.
_BERT_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_ROBERTA_TOKENS = {
    "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
    "cls_token": "<s>", "mask_token": "<mask>",
}  # fmt: skip
_ROBERTA_LIKE = {"camembert", "longformer", "mpnet", "roberta", "xlmroberta"}


def default_tokens(settings: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens of a tokenizer's class, by the names of their settings; none of an unknown class."""
    name = _class_name(settings, config)
    if name in _ROBERTA_LIKE:
        return _ROBERTA_TOKENS
    return _BERT_TOKENS if name in _BERT_LIKE else {}


def _class_name(settings: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The part of the class's name before "Tokenizer", in lower case."""
    name: str = settings.get("tokenizer_class") or f"{config.get('model_type', '')}Tokenizer".replace("-", "")
    return name.removesuffix("Fast").removesuffix("Tokenizer").lower()


def override(tokenizer: Tokenizer, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Apply the settings to a tokenizer, in place.

    Args:
        tokenizer: As tokenizer.json defines it.
        settings: ``tokenizer_config.json``.
        config: ``config.json``, whose model_type names the class if the settings do not.

    Source: ``__init__`` of transformers' BertTokenizerFast and PreTrainedTokenizerFast.
    """
    if _class_name(settings, config) in _BERT_LIKE:
        _override_normalizer(tokenizer, settings)
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
