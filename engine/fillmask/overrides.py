"""Settings of ``tokenizer_config.json`` that win over ``tokenizer.json`` in transformers, and so here.

An artifact of ``fillmask export`` has both in agreement. A folder put together by hand may not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer, normalizers, pre_tokenizers

# The tokenizer classes that rewrite their normalizer, by what comes before "Tokenizer" in their names.
_BERT_LIKE = {
    "bert", "convbert", "distilbert", "electra", "funnel", "layoutlm", "lxmert", "mobilebert", "mpnet", "roformer",
    "squeezebert",
}  # fmt: skip


def override(tokenizer: Tokenizer, settings: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Bring a tokenizer into agreement with its settings, in place.

    Args:
        tokenizer: As tokenizer.json has it.
        settings: ``tokenizer_config.json``.
        config: ``config.json``, whose model_type names the class where the settings do not.

    Source: ``__init__`` of transformers' BertTokenizerFast and PreTrainedTokenizerFast.
    """
    name = settings.get("tokenizer_class") or f"{config.get('model_type', '')}Tokenizer".replace("-", "")
    if name.removesuffix("Fast").removesuffix("Tokenizer").lower() in _BERT_LIKE:
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
